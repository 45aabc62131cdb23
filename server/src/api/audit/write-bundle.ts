// Writes an audit bundle line by line; nothing but a page of entries is in memory.
import { BlockHash, bundleFormat, sealText, subtreeHeights, writeBundleLine } from '@airworthy/sdk'
import type { BundleHead, BundleIdentity, BundleLine } from '@airworthy/sdk'
import { hash } from 'node:crypto'
import { logFiles, tilesOf } from '../../adapters/objects/log-files.ts'
import { formatNote } from '../../core/tlog/note.ts'
import {
  type ReadTile,
  tileHashes,
  tileHeight,
  tileOfTree,
  tileWidthMax,
} from '../../core/tlog/tiles.ts'
import { hashBytes, merkleRoot } from '../../core/tlog/tree.ts'
import { readEntries } from '../../store/log/entries.ts'
import { listIdentities, readDidLog } from '../../store/identity/identities.ts'
import type { Context } from '../operation.ts'
import type { BundlePlan } from './bundle-plan.ts'

const entriesPage = 500
const identitiesPage = 100

/** Ends with the seal; a bundle that was cut off has none. */
export async function* writeBundle(context: Context, plan: BundlePlan): AsyncGenerator<string> {
  const digest = new BlockHash({
    sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
    verifyEd25519: () => Promise.reject(new Error('nothing is verified here')),
  })
  const head: BundleHead = {
    format: bundleFormat,
    origin: plan.origin,
    log: String(plan.shard.logId),
    from: plan.from,
    to: plan.to,
    key: plan.logKey,
  }
  for await (const text of writeLines(context, plan, head)) {
    await digest.add(Buffer.from(text))
    yield text
  }
  const text = sealText(head, Buffer.from(await digest.digest()).toString('base64'))
  const { key } = plan.signer
  const signature = Buffer.from(await plan.signer.sign(Buffer.from(text)))
  const signatures = [{ name: key.name, keyId: key.keyId, signature }]
  yield writeBundleLine({ seal: formatNote({ text, signatures }).toString() })
}

async function* writeLines(
  context: Context,
  plan: BundlePlan,
  head: BundleHead,
): AsyncGenerator<string> {
  const policy = context.publishedLog.policyText ?? `log ${plan.logKey}\nquorum none\n`
  yield writeBundleLine({ head })
  yield writeBundleLine({ policy })
  for await (const did of readIdentities(context)) yield writeBundleLine({ did })
  for (const { note } of plan.checkpoints) yield writeBundleLine({ checkpoint: note })
  yield writeBundleLine({ proof: await proveRange(context, plan) })
  yield* writeEntries(context, plan)
}

async function* readIdentities(context: Context): AsyncGenerator<BundleIdentity> {
  const { db, organisationId } = context
  let after: string | undefined
  for (;;) {
    const page = await listIdentities(db, organisationId, { after, limit: identitiesPage })
    for (const { subjectId, did } of page) {
      const { lines, proofs } = await readDidLog(db, organisationId, subjectId)
      const published = lines.filter((line) => line.isPublished).map((line) => `${line.text}\n`)
      const witnesses = proofs.map(({ versionId, proof }) => ({ versionId, proof: [proof] }))
      yield {
        id: did,
        log: published.join(''),
        ...(witnesses.length === 0 ? {} : { witnesses: JSON.stringify(witnesses) }),
      }
    }
    after = page.at(-1)?.subjectId
    if (page.length < identitiesPage) return
  }
}

/** The roots of the subtrees left and right of the range, in the tree of the covering checkpoint. */
async function proveRange(
  context: Context,
  plan: BundlePlan,
): Promise<Extract<BundleLine, { proof: unknown }>['proof']> {
  const files = logFiles(context.publishedLog.store, plan.shard.name)
  const { size } = plan.covering
  const readTile = tilesOf(files, size)
  const cover = async (from: number, to: number): Promise<string[]> => {
    const roots: string[] = []
    let at = from
    for (const height of subtreeHeights(from, to)) {
      const root = await subtreeRoot({ readTile, size, at, height })
      roots.push(root.toString('base64'))
      at += 2 ** height
    }
    return roots
  }
  return { left: await cover(0, plan.from), right: await cover(plan.to, size) }
}

/** A perfect subtree lies inside one tile: of level height / 8, as 2^(height mod 8) hashes. */
async function subtreeRoot(of: {
  readonly readTile: ReadTile
  readonly size: number
  readonly at: number
  readonly height: number
}): Promise<Buffer> {
  const level = Math.floor(of.height / tileHeight)
  const start = of.at / tileWidthMax ** level
  const index = Math.floor(start / tileWidthMax)
  const bytes = await of.readTile(tileOfTree(of.size, { level, index }))
  const at = (start % tileWidthMax) * hashBytes
  const width = 2 ** (of.height % tileHeight)
  return merkleRoot(tileHashes(bytes.subarray(at, at + width * hashBytes)))
}

async function* writeEntries(context: Context, plan: BundlePlan): AsyncGenerator<string> {
  const { db, organisationId } = context
  const logId = String(plan.shard.logId)
  let from = plan.from
  while (from < plan.to) {
    const limit = Math.min(entriesPage, plan.to - from)
    const rows = await readEntries(db, organisationId, { logId, from: BigInt(from), limit })
    if (rows.length < limit) throw new Error(`entries of log ${logId} are missing from ${from} on`)
    yield rows.map((row) => writeBundleLine({ entry: row.entry.toString() })).join('')
    from += rows.length
  }
}
