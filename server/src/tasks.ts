// What runs without a request, and how often.
import type { Gateway } from './gateway/gateway.ts'
import { probeEffect } from './gateway/mcp/probe-effect.ts'
import type { Task } from './jobs/maintenance.ts'
import { expireHolds, listApprovingHolds } from './store/hold-votes.ts'
import { recoverDeadReplicas, setOpenFloor } from './store/recovery.ts'
import { listUnknownEffectIds } from './store/live-effects.ts'
import { randomUUIDv7 } from 'node:crypto'

const pageMax = 100

export function maintenanceTasks(
  gateway: Gateway,
  commands: { executeHold: (holdId: string) => Promise<void> },
): Task[] {
  const { db, organisationId, recorder } = gateway
  return [
    {
      name: 'expire holds',
      everyMs: 1000,
      run: async () => {
        await expireHolds(db, organisationId, pageMax)
      },
    },
    {
      name: 'execute approved holds',
      everyMs: 5000,
      run: async () => {
        for (const holdId of await listApprovingHolds(db, organisationId, pageMax)) {
          await commands.executeHold(holdId)
        }
      },
    },
    { name: 'probe unknown effects', everyMs: 2000, run: () => probeAll(gateway) },
    {
      name: 'recover dead replicas',
      everyMs: 5000,
      run: async () => {
        if (recorder.replicaId === undefined) return
        const recovered = await recoverDeadReplicas(db, organisationId, recorder.replicaId)
        if (recovered.replicas > 0) gateway.log('recovered what a dead gateway left', recovered)
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

async function probeAll(gateway: Gateway): Promise<void> {
  const { db, organisationId } = gateway
  const after = undefined
  for (const id of await listUnknownEffectIds(db, organisationId, { after, limit: pageMax })) {
    await probeEffect(gateway, id)
  }
}
