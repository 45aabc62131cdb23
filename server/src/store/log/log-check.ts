// Checks the log within bounds, in one moment of the database.
import type { Kysely } from 'kysely'
import { createChainCheck } from '../../core/audit/chains.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { countCallsExecuting } from '../calls/calls.ts'
import {
  countGaps,
  findLog,
  listAgentHeads,
  type LogHead,
  readAtOneMoment,
  readEntries,
} from './entries.ts'
import type { Schema } from '../schema/schema.ts'

/**
 * Older entries are not read here: the integrator reads each one, in its order, when it signs the
 * tree, and `airworthy audit verify` reads them all.
 */
const entriesReadMax = 500_000n
const pageSize = 1_000

export type LogFindings = {
  readonly logId: string
  readonly size: string
  readonly gaps: number
  readonly agentGaps: number
  readonly brokenLinks: number
  readonly entriesChecked: number
  readonly callsWithoutOutcome: number
}

/** Reads a shard of the log, or the open one. It locks nothing: gateways go on writing meanwhile. */
export function checkLog(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  logId?: string,
): Promise<LogFindings> {
  return readAtOneMoment(db, async (tx) => {
    const log = await findLog(tx, organisationId, logId)
    if (log === undefined) throw new Error(`there is no log ${logId ?? 'that is open'}`)
    const size = BigInt(log.size)
    const from = size > entriesReadMax ? size - entriesReadMax : 0n
    const gaps = await countGaps(tx, organisationId, { ...log, from })
    const chains = await checkChains(tx, organisationId, { ...log, from })
    const callsWithoutOutcome = await countCallsExecuting(tx, organisationId)
    return { logId: log.logId, size: log.size, gaps, ...chains, callsWithoutOutcome }
  })
}

async function checkChains(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  log: LogHead & { readonly from: bigint },
): Promise<{ agentGaps: number; brokenLinks: number; entriesChecked: number }> {
  const check = createChainCheck({ isFromStart: log.from === 0n })
  let entriesChecked = 0
  let { from } = log
  for (;;) {
    const page = { logId: log.logId, from, limit: pageSize }
    const rows = await readEntries(tx, organisationId, page)
    for (const row of rows) check.add(row.entry)
    entriesChecked += rows.length
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageSize) break
    from = BigInt(last.seq) + 1n
  }
  for (const head of await listAgentHeads(tx, organisationId, log.logId)) {
    check.compareHead(head.agentId, { number: head.number, hash: head.lastHash })
  }
  return { ...check.findings(), entriesChecked }
}
