// Logs of did:webvh, made with real keys, right or wrong as a test wants them.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { JsonObject } from '../../src/core/identity/data-integrity.ts'
import { multikeyOf, parseSpki } from '../../src/core/identity/public-key.ts'
import { multihashOf } from '../../src/core/identity/webvh-parameters.ts'
import {
  draftFirstEntry,
  draftNextEntry,
  signEntry,
  witnessVersion,
} from '../../src/core/identity/webvh-write.ts'

export type Pair = {
  readonly multikey: string
  readonly hash: string
  readonly sign: (input: Buffer) => Promise<Buffer>
}

export const startMs = Date.UTC(2026, 0, 1)
export const dayMs = 86_400_000

export function makePair(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const multikey = multikeyOf(parseSpki(publicKey.export({ format: 'der', type: 'spki' })))
  return { multikey, hash: multihashOf(multikey), sign: signer(privateKey) }
}

function signer(privateKey: KeyObject): Pair['sign'] {
  return async (input) => sign(null, input, privateKey)
}

export type Log = { readonly did: string; readonly scid: string; readonly lines: readonly string[] }

type Step = {
  readonly signer: Pair
  readonly parameters?: JsonObject
  readonly document?: JsonObject
  readonly nowMs?: number
  /** Changes the entry before its signature, and after its hash when `isRehashed` is false. */
  readonly alter?: (entry: Entry) => Entry
}

export type Entry = ReturnType<typeof draftNextEntry>

export async function makeLog(step: Step & { readonly host?: string }): Promise<Log> {
  const id = `did:webvh:{SCID}:${step.host ?? 'example.com'}`
  const { scid, entry } = draftFirstEntry({
    document: step.document ?? { '@context': ['https://www.w3.org/ns/did/v1'], id },
    parameters: { updateKeys: [step.signer.multikey], ...step.parameters },
    nowMs: step.nowMs ?? startMs,
  })
  const altered = step.alter?.(entry) ?? entry
  const line = await signEntry(altered, step.signer)
  return { did: id.replace('{SCID}', scid), scid, lines: [line] }
}

export async function append(log: Log, step: Step): Promise<Log> {
  const last: { versionId: string; versionTime: string; state: JsonObject } = JSON.parse(
    log.lines.at(-1) ?? '',
  )
  const entry = draftNextEntry(
    { ...last, versionNumber: log.lines.length },
    {
      document: step.document ?? last.state,
      parameters: step.parameters ?? {},
      nowMs: step.nowMs ?? startMs + log.lines.length * dayMs,
    },
  )
  const line = await signEntry(step.alter?.(entry) ?? entry, step.signer)
  return { ...log, lines: [...log.lines, line] }
}

export function versionIdOf(log: Log, number: number): string {
  const entry: { versionId: string } = JSON.parse(log.lines[number - 1] ?? '')
  return entry.versionId
}

export async function witnessesOf(
  approvals: readonly { readonly versionId: string; readonly by: readonly Pair[] }[],
): Promise<string> {
  const file = approvals.map(async ({ versionId, by }) => ({
    versionId,
    proof: await Promise.all(
      by.map((pair) => witnessVersion(versionId, { ...pair, nowMs: startMs })),
    ),
  }))
  return JSON.stringify(await Promise.all(file))
}
