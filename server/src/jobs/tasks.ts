// What runs without a request, and how often.
import { randomUUIDv7 } from 'node:crypto'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from '../store/database.ts'
import { thinCheckpoints } from '../store/log/checkpoints.ts'
import { stepHolds } from '../store/holds/hold-steps.ts'
import { listApprovingHolds } from '../store/holds/hold-votes.ts'
import { finishKill } from '../store/kills/finish-kill.ts'
import { listUnfinishedKills } from '../store/kills/kills.ts'
import { listUnknownEffectIds } from '../store/calls/live-effects.ts'
import type { Recorder } from '../store/recorder/recorder.ts'
import { recoverDeadReplicas, setOpenFloor } from '../store/recovery.ts'
import { continueErasure } from '../store/audit/finish-erasures.ts'
import { forgetLedgers } from '../store/budgets/forget-ledgers.ts'
import { forgetEscalation } from '../store/calls/forget-escalation.ts'
import { expireEntries } from '../store/models/model-cache.ts'
import { forgetPairs } from '../store/models/model-cache-evidence.ts'
import {
  continuePayloadRetention,
  readRetention,
  retentionDaysDefault,
} from '../store/audit/retention.ts'
import { forgetNonces } from '../store/identity/nonces.ts'
import { expireRuns } from '../store/runs/run-work.ts'
import { forgetValuesOfClosedSessions } from '../store/calls/value-origins.ts'
import type { Task } from './maintenance.ts'

const pageMax = 100
const forgottenMax = 10_000
const forgottenNoncesMax = 100_000
const forgottenLedgersMax = 1_000
/** For those who look back at what was used; nothing else needs a ledger whose window is over. */
const ledgersKeptMs = 40 * 24 * 3600 * 1000

export type TaskDependencies = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly recorder: Recorder
  readonly executeHold: (holdId: string) => Promise<void>
  readonly probeEffect: (effectId: string) => Promise<unknown>
  /** Begins to work on runs that are taken back or completed. */
  readonly leaseRuns: () => Promise<void>
  /** Brings what caches hold in memory in step with the database. */
  readonly sweepCaches: () => Promise<void>
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export function maintenanceTasks(dependencies: TaskDependencies): Task[] {
  const { db, organisationId, recorder, executeHold, log } = dependencies
  const probed: Turn = { after: undefined }
  const executed: Turn = { after: undefined }
  return [
    {
      name: 'step holds',
      everyMs: 1000,
      run: async () => {
        await stepHolds(db, organisationId, pageMax)
      },
    },
    {
      name: 'execute approved holds',
      everyMs: 5000,
      run: async () => {
        const holdIds = await nextPage(executed, (after) =>
          listApprovingHolds(db, organisationId, { after, limit: pageMax }),
        )
        await runEach(holdIds, executeHold)
      },
    },
    {
      name: 'work on runs',
      everyMs: 1000,
      run: async () => {
        await expireRuns(db, organisationId, pageMax)
        await dependencies.leaseRuns()
      },
    },
    {
      name: 'finish kills',
      everyMs: 1000,
      run: async () => {
        const kills = await listUnfinishedKills(db, organisationId, pageMax)
        await runEach(
          kills.map((kill) => kill.killId),
          (killId) => finishKill(db, organisationId, killId),
        )
      },
    },
    { name: 'probe unknown effects', everyMs: 2000, run: () => probePage(dependencies, probed) },
    {
      name: 'forget what closed sessions read',
      everyMs: 60_000,
      run: () => forgetValuesOfClosedSessions(db, organisationId, forgottenMax),
    },
    {
      name: 'forget ledgers of budgets that are over',
      everyMs: 60_000,
      run: async () => {
        await forgetLedgers(db, organisationId, {
          keptMs: ledgersKeptMs,
          limit: forgottenLedgersMax,
        })
      },
    },
    {
      name: 'forget what triggers met long ago',
      everyMs: 600_000,
      run: async () => {
        await forgetEscalation(db, organisationId, forgottenMax)
      },
    },
    {
      name: 'erase forgotten subjects',
      everyMs: 2_000,
      run: () => untilDone(() => continueErasure(db, organisationId)),
    },
    {
      name: 'delete payloads past their time',
      everyMs: 60_000,
      run: () => untilDone(() => continuePayloadRetention(db, organisationId, Date.now())),
    },
    {
      name: 'forget expired nonces',
      everyMs: 10_000,
      run: () => forgetNonces(db, organisationId, forgottenNoncesMax),
    },
    { name: 'keep caches in step', everyMs: 4_000, run: () => dependencies.sweepCaches() },
    {
      name: 'expire cached replies',
      everyMs: 30_000,
      run: async () => {
        const retention = await readRetention(db, organisationId)
        const days = retention.find((row) => row.class === 'payloads')?.days
        await untilDone(() => expireEntries(db, organisationId, days ?? retentionDaysDefault))
        await forgetPairs(db, organisationId, forgottenMax)
      },
    },
    {
      name: 'thin checkpoints',
      everyMs: 600_000,
      run: () => thinCheckpoints(db, organisationId),
    },
    {
      name: 'recover dead replicas',
      everyMs: 5000,
      run: async () => {
        if (recorder.replicaId === undefined) return
        const recovered = await recoverDeadReplicas(db, organisationId, recorder.replicaId)
        if (recovered.replicas > 0) log('recovered what a dead gateway left', recovered)
      },
    },
    {
      name: 'move the recovery floor',
      everyMs: 10_000,
      run: async () => {
        const { replicaId } = recorder
        if (replicaId === undefined) return
        // Read before the id is made: a call that opens meanwhile is younger than the new id.
        const fresh = randomUUIDv7()
        const openFloor = recorder.oldestOpenCall() ?? fresh
        await setOpenFloor(db, organisationId, { replicaId, openFloor })
      },
    },
  ]
}

/** Pages of one turn: what is left waits for the next one. */
async function untilDone(step: () => Promise<boolean>): Promise<void> {
  for (let page = 0; page < pageMax; page += 1) if (!(await step())) return
}

/** How far the last turn came: what cannot go on must not keep the others waiting. */
type Turn = { after: string | undefined }

/** At most `pageMax` ids, from where the last turn stopped. */
async function nextPage(
  turn: Turn,
  list: (after: string | undefined) => Promise<string[]>,
): Promise<string[]> {
  const ids = await list(turn.after)
  turn.after = ids.length < pageMax ? undefined : ids.at(-1)
  return ids
}

async function probePage(dependencies: TaskDependencies, probed: Turn): Promise<void> {
  const { db, organisationId, probeEffect } = dependencies
  const ids = await nextPage(probed, (after) =>
    listUnknownEffectIds(db, organisationId, { after, limit: pageMax }),
  )
  await runEach(ids, probeEffect)
}

/** Each gets its turn, although one fails. Throws what failed, when all had it. */
async function runEach(
  ids: readonly string[],
  run: (id: string) => Promise<unknown>,
): Promise<void> {
  const failures: unknown[] = []
  for (const id of ids) await run(id).catch((thrown: unknown) => failures.push(thrown))
  if (failures.length > 0) {
    throw new AggregateError(
      failures,
      `${failures.length} of ${ids.length} failed: ${String(failures[0])}`,
    )
  }
}
