// No call is placed that a kill stops, whichever gateway asks: also one that has not heard of it.
import type { Decision } from '../../core/decision/decision.ts'
import { findKill } from '../../core/kill/kill.ts'
import type { Batch } from './batch.ts'
import { denial } from './place-refusal.ts'
import type { Intent } from './types.ts'

export function refuseByKill(batch: Batch, intent: Intent): Decision | undefined {
  const { kills } = batch.state
  if (kills.length === 0) return undefined
  const { agentId, versionId, sessionId } = intent.principal
  const tool = intent.kind === 'tool' ? intent.action : undefined
  const kill = findKill(kills, { agentId, versionId, sessionId, tool }, 'call')
  if (kill === undefined) return undefined
  return denial('kill.active', `kill ${kill.killId} stopped it: nothing more of it is done`)
}
