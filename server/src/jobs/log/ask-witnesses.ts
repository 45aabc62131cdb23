// Asks the witnesses of the policy for their cosignatures (C2SP tlog-witness): all at once, within a
// bound, each from the size that it has seen.
import { request } from 'undici'
import type { Checkpoint } from '../../core/tlog/checkpoint.ts'
import {
  formatNote,
  type NoteSignature,
  parseNote,
  parseSignatureLines,
} from '../../core/tlog/note.ts'
import type { LogPolicy, PolicyWitness } from '../../core/tlog/policy.ts'
import { isQuorum } from '../../core/tlog/policy.ts'
import { proveConsistency } from '../../core/tlog/proof.ts'
import { verifyNote } from '../../core/tlog/signatures.ts'
import type { ReadTile } from '../../core/tlog/tiles.ts'
import { formatAddCheckpoint, parseSizeBody } from '../../core/tlog/witness.ts'

const replyBytesMax = 64 * 1024
/** Once with the size that is remembered, once with the one that the witness tells. */
const attemptsMax = 2

export type WitnessLog = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export type Witnessed = {
  /** The checkpoint's note with the cosignatures that came. */
  readonly note: Buffer
  readonly isQuorum: boolean
}

export type WitnessClient = {
  readonly ask: (of: {
    readonly checkpoint: Checkpoint
    readonly note: Buffer
    readonly readTile: ReadTile
  }) => Promise<Witnessed>
}

/** `timeoutMs` bounds the whole of `ask`: what comes later is not waited for. */
export function createWitnessClient(options: {
  readonly policy: LogPolicy
  readonly timeoutMs: number
  readonly log: WitnessLog
}): WitnessClient {
  const { policy, timeoutMs, log } = options
  /** By witness: the size that it cosigned last, as far as is known. */
  const sizes = new Map<string, number>()
  const silent = new Set<string>()
  const hear = (witness: PolicyWitness, failure: string | undefined): void => {
    const { name } = witness
    if (failure === undefined ? silent.delete(name) : !silent.has(name)) {
      log(failure === undefined ? 'a witness answers again' : 'a witness did not cosign', {
        witness: name,
        ...(failure === undefined ? {} : { failure }),
      })
    }
    if (failure !== undefined) silent.add(name)
  }
  return {
    ask: async (of) => {
      const signal = AbortSignal.timeout(timeoutMs)
      const answers = await Promise.all(
        policy.witnesses.map(async (witness) => {
          try {
            const lines = await askOne(witness, { ...of, sizes, signal })
            hear(witness, undefined)
            return { witness, lines }
          } catch (thrown) {
            hear(witness, thrown instanceof Error ? thrown.message : String(thrown))
            return { witness, lines: [] }
          }
        }),
      )
      const note = parseNote(of.note)
      const added = answers.flatMap(({ lines }) => lines)
      const cosigned = answers.filter(({ lines }) => lines.length > 0)
      return {
        note: formatNote({ text: note.text, signatures: [...note.signatures, ...added] }),
        isQuorum: isQuorum(policy, new Set(cosigned.map(({ witness }) => witness.name))),
      }
    },
  }
}

type Asked = {
  readonly checkpoint: Checkpoint
  readonly note: Buffer
  readonly readTile: ReadTile
  readonly sizes: Map<string, number>
  readonly signal: AbortSignal
}

/** Throws what failed, in words. Gives verified signatures of the witness's own key only. */
async function askOne(witness: PolicyWitness, asked: Asked): Promise<NoteSignature[]> {
  const { checkpoint, sizes } = asked
  if (witness.url === undefined) return []
  const key = `${witness.name} ${checkpoint.origin}`
  for (let attempt = 1; ; attempt += 1) {
    const oldSize = sizes.get(key) ?? 0
    const reply = await post(witness.url, { ...asked, oldSize })
    if (reply.status === 200) {
      const lines = verifiedLines(witness, { asked, body: reply.body })
      sizes.set(key, checkpoint.size)
      return lines
    }
    if (reply.status !== 409) throw new Error(`it answers ${reply.status}`)
    const size = parseSizeBody(reply.body)
    if (size > checkpoint.size) {
      throw new Error(`it has seen ${size} entries of this log, which has ${checkpoint.size}`)
    }
    sizes.set(key, size)
    if (attempt >= attemptsMax) throw new Error('it moves on under our hands')
  }
}

async function post(
  url: string,
  asked: Asked & { readonly oldSize: number },
): Promise<{ readonly status: number; readonly body: Buffer }> {
  const { checkpoint, note, readTile, oldSize, signal } = asked
  const proof = await proveConsistency({ from: oldSize, to: checkpoint.size, readTile })
  const response = await request(`${url.replace(/\/+$/, '')}/add-checkpoint`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: formatAddCheckpoint({ oldSize, proof, checkpoint: note }),
    signal,
  })
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response.body) {
    const bytes = Buffer.from(chunk)
    length += bytes.length
    if (length > replyBytesMax) throw new Error('its answer is too long')
    chunks.push(bytes)
  }
  return { status: response.statusCode, body: Buffer.concat(chunks) }
}

function verifiedLines(
  witness: PolicyWitness,
  of: { readonly asked: Asked; readonly body: Buffer },
): NoteSignature[] {
  const { text } = parseNote(of.asked.note)
  const signatures = parseSignatureLines(of.body.toString('utf8'))
  const verdict = verifyNote({ text, signatures }, [witness.key])
  if (verdict.kind === 'refused') throw new Error(verdict.message)
  return verdict.signatures.map(({ line }) => line)
}
