// The verifier of bundles against somebody who holds the log's key, and can seal what was changed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AuditReport, type AuditTrust, verifyBundle, webCrypto } from '@airworthy/sdk'
import * as fc from 'fast-check'
import { nodeCrypto } from '../../src/cli/audit-crypto.ts'
import { createOwnLog, type OwnLog } from './own-log.ts'

const log = createOwnLog(70)

async function verify(bundle: Buffer, trust: AuditTrust): Promise<AuditReport> {
  const chunks = (async function* () {
    for (let at = 0; at < bundle.length; at += 777) yield bundle.subarray(at, at + 777)
  })()
  return verifyBundle({ chunks, crypto: nodeCrypto, trust })
}

function refused(report: AuditReport): string | undefined {
  assert(!report.isProven)
  return report.checks.find((check) => check.state === 'refused')?.id
}

test('every range of every tree verifies, under its covering checkpoint', async () => {
  const ranges = fc.tuple(fc.nat(69), fc.nat(69), fc.nat(70)).map(([one, other, size]) => {
    const [from, to] = [Math.min(one, other), Math.max(one, other) + 1]
    return { from, to, size: Math.max(size, to) }
  })
  await fc.assert(
    fc.asyncProperty(ranges, async ({ from, to, size }) => {
      const inside = Math.floor((from + 1 + to) / 2)
      const sizes = [...new Set([inside, size])]
      const bundle = await log.bundle({ from, to, sizes })
      const report = await verify(bundle, { policy: log.policy })
      assert(report.isProven, JSON.stringify(report.checks))
      assert.deepEqual([report.facts.entries, report.facts.witnesses], [to - from, ['w']])
    }),
    { numRuns: 60 },
  )
})

test('a leaf that was changed is refused, although the file was sealed anew', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(49), async (at) => {
      const entries = log.entries.slice(0, 50)
      const changed = (entries[at] ?? '').replace(/"at":(\d+)/, '"at":9$1')
      const bundle = await log.bundle({
        from: 0,
        to: 50,
        sizes: [20, 60],
        entries: entries.with(at, changed),
      })
      const check = refused(await verify(bundle, { policy: log.policy }))
      assert(check === 'tree' || check === 'chains', String(check))
    }),
    { numRuns: 30 },
  )
})

test('a leaf that was left out, and one put in between, are refused', async () => {
  const entries = log.entries.slice(10, 20)
  const range = { from: 10, to: 20, sizes: [20] }
  const without = await log.bundle({ ...range, entries: entries.toSpliced(4, 1) })
  assert(refused(await verify(without, { policy: log.policy })) !== undefined)
  const twice = await log.bundle({ ...range, entries: entries.toSpliced(4, 0, entries[4] ?? '') })
  assert(refused(await verify(twice, { policy: log.policy })) !== undefined)
})

test('a log that was written anew with its own key is refused by who asks for witnesses', async () => {
  const bundle = await log.bundle({ from: 0, to: 30, sizes: [30], isWitnessed: false })
  assert.equal(refused(await verify(bundle, { policy: log.policy })), 'cosignatures')
  assert((await verify(bundle, { keys: [log.vkey] })).isProven)
})

/** The same key name, another history. */
const fork: OwnLog = createOwnLog(70)

test('a checkpoint that the auditor kept must still be the log’s', async () => {
  const bundle = await log.bundle({ from: 0, to: 40, sizes: [40] })
  const kept = { keys: [log.vkey], checkpoint: await log.checkpoint(25) }
  assert((await verify(bundle, kept)).isProven)
  const changed = (await log.checkpoint(25)).replace(/\n25\n.*\n/, `\n25\n${'A'.repeat(43)}=\n`)
  assert.equal(refused(await verify(bundle, { ...kept, checkpoint: changed })), 'tree')
})

test('a bundle of a log whose key is another is refused', async () => {
  const bundle = await fork.bundle({ from: 0, to: 40, sizes: [40] })
  assert.equal(refused(await verify(bundle, { policy: log.policy })), 'trust')
})

test('a smaller bundle is in order for WebCrypto too', async () => {
  const bundle = await log.bundle({ from: 3, to: 9, sizes: [5, 9] })
  const chunks = (async function* () {
    yield bundle
  })()
  const trust = { policy: log.policy }
  assert((await verifyBundle({ chunks, crypto: webCrypto(), trust })).isProven)
})
