// Brings a kill to its end, step by step: its entries, its acknowledgement, the holds it cancels, the
// keys it revokes, the runs it takes back. Each step may be done again; a job goes on where the
// process that issued the kill stopped.
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { enterKill } from './kill-entries.ts'
import {
  cancelHoldsOf,
  finishKill as setFinished,
  revokeKeysOf,
  unwindRunsOf,
} from './kill-work.ts'
import { acknowledgeKill, type KillRow, requireKill } from './kills.ts'

/** Pages of one turn: what is left waits for the next one. */
const pagesMax = 100

/** Gives whether nothing is left. Before it is acknowledged no run is taken back. */
export async function finishKill(
  db: Database,
  organisationId: OrganisationId,
  killId: string,
): Promise<boolean> {
  const kill = await requireKill(db, organisationId, killId)
  const isAcknowledged = await acknowledgeKill(db, organisationId, kill)
  await enterKill(db, organisationId, killId)
  if (kill.finishedAt !== null) return isAcknowledged
  // A kill that was resumed early goes no further: what it did stays done.
  const isOver = kill.mode === 'drill' || kill.resumedAt !== null
  if (!isOver && !(await work(db, organisationId, { kill, isAcknowledged }))) return false
  if (!isAcknowledged) return false
  await setFinished(db, organisationId, killId)
  return true
}

async function work(
  db: Database,
  organisationId: OrganisationId,
  { kill, isAcknowledged }: { readonly kill: KillRow; readonly isAcknowledged: boolean },
): Promise<boolean> {
  if (!(await untilNone(() => cancelHoldsOf(db, organisationId, kill)))) return false
  if (kill.revokesKeys) await revokeKeysOf(db, organisationId, kill)
  if (kill.mode !== 'unwind') return true
  // What is under way elsewhere might still do something that would have to be taken back.
  if (!isAcknowledged) return false
  return untilNone(() => unwindRunsOf(db, organisationId, kill))
}

async function untilNone(page: () => Promise<number>): Promise<boolean> {
  for (let at = 0; at < pagesMax; at += 1) if ((await page()) === 0) return true
  return false
}
