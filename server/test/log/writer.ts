// A program: one writer of the log. Entries of 1 KB arrive at a rate, wait for the transaction before
// theirs, and are acknowledged when their own is durable. Prints its figures as one JSON line.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { EntryDraft } from '../../src/core/audit/entry.ts'
import { openDatabase } from '../../src/store/database.ts'
import { appendEntries } from '../../src/store/log/log.ts'
import { bootstrapOrganisation } from '../../src/store/organisations.ts'

const batchMax = 256
const tickMs = 2

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: '' },
    /** Entries a second. */
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
  },
})
const rate = Number(values.rate)
const seconds = Number(values.seconds)
const opened = openDatabase({ url: values.database, poolMax: 1 })
const { db } = opened
const { organisationId } = await bootstrapOrganisation(db)
const agentId = randomUUID()
// With what every entry has it makes 1,000 bytes or a little more.
const padding = 'x'.repeat(740)
const latencies: number[] = []
const waiting: number[] = []
let arrived = 0
const arrivals = { isDone: false }

function draft(): EntryDraft {
  return { type: 'call.outcome', agentId, callId: agentId, body: { padding } }
}

const began = performance.now()
const arriving = (async () => {
  while (performance.now() - began < seconds * 1000) {
    const now = performance.now()
    const due = Math.floor(((now - began) / 1000) * rate)
    for (; arrived < due; arrived += 1) waiting.push(began + (arrived / rate) * 1000)
    await sleep(tickMs)
  }
  arrivals.isDone = true
})()
while (!arrivals.isDone || waiting.length > 0) {
  const batch = waiting.splice(0, batchMax)
  if (batch.length === 0) {
    await sleep(1)
    continue
  }
  await db.transaction().execute((tx) => appendEntries(tx, organisationId, batch.map(draft)))
  const now = performance.now()
  for (const at of batch) latencies.push(now - at)
}
await arriving
const tookMs = performance.now() - began
await opened.close()
latencies.sort((one, other) => one - other)
const at = (share: number): number =>
  Math.round((latencies[Math.floor(latencies.length * share)] ?? 0) * 10) / 10
process.stdout.write(
  `${JSON.stringify({
    acknowledged: latencies.length,
    tookMs: Math.round(tookMs),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(0.9999),
  })}\n`,
)
