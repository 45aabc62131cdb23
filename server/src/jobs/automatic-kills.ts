// Stops agents whose own pact says so: on an anomaly, a budget that is used up, or writes that fail.
import type { OrganisationId } from '../core/ids.ts'
import type { KillRule } from '../core/pact/compiled.ts'
import {
  type Cause,
  forgetCauses,
  issueAutomaticKill,
  listAnomalies,
  listIncidents,
  listPactsInUse,
  listSpentBudgets,
  type PactInUse,
} from '../store/kills/automatic-kills.ts'
import type { Database } from '../store/database.ts'
import { finishKill } from '../store/kills/finish-kill.ts'
import type { Task } from './maintenance.ts'

const knownMax = 10_000

export function automaticKills(options: {
  readonly db: Database
  readonly organisationId: OrganisationId
  /** What a pact says; it never changes. */
  readonly rulesOf: (pactId: string) => Promise<readonly KillRule[]>
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}): Task {
  const { db, organisationId, rulesOf, log } = options
  const known = new Map<string, readonly KillRule[]>()
  const rulesOnce = async (pactId: string): Promise<readonly KillRule[]> => {
    const before = known.get(pactId)
    if (before !== undefined) return before
    const rules = await rulesOf(pactId)
    if (known.size >= knownMax) known.clear()
    known.set(pactId, rules)
    return rules
  }
  const judge = async ({ agentId, pactId }: PactInUse): Promise<boolean> => {
    const rules = await rulesOnce(pactId)
    for (const rule of rules) {
      for (const { cause, sessionId } of await causesOf(db, organisationId, { agentId, rule })) {
        const kill = await issueAutomaticKill(db, organisationId, {
          cause,
          rule: `killOn.${rule.trigger}`,
          scope:
            rule.scope === 'session' && sessionId !== undefined
              ? { kind: 'session', id: sessionId }
              : { kind: 'agent', id: agentId },
          mode: rule.mode,
          reason: reasonOf(rule),
        })
        if (kill === undefined) continue
        log('a rule of its pact has stopped an agent', { kill: kill.killId, agent: agentId })
        await finishKill(db, organisationId, kill.killId)
      }
    }
    return rules.length > 0
  }
  const run = async (): Promise<void> => {
    let hasRules = false
    for (const inUse of await listPactsInUse(db, organisationId)) {
      // One agent that cannot be judged must not keep the others from being stopped.
      const hasOwn = await judge(inUse).catch((error: unknown) => {
        log('the kill rules of an agent were not looked at', {
          agent: inUse.agentId,
          error: String(error),
        })
        return false
      })
      hasRules ||= hasOwn
    }
    if (hasRules) await forgetCauses(db, organisationId)
  }
  return { name: 'stop agents by their rules', everyMs: 2000, run }
}

function causesOf(
  db: Database,
  organisationId: OrganisationId,
  { agentId, rule }: { readonly agentId: string; readonly rule: KillRule },
): Promise<Cause[]> {
  if (rule.trigger === 'anomaly') return listAnomalies(db, organisationId, agentId)
  if (rule.trigger === 'budget') return listSpentBudgets(db, organisationId, agentId)
  const { scope, count, withinSeconds } = rule
  const nowMs = Date.now()
  return listIncidents(db, organisationId, { agentId, scope, count, withinSeconds, nowMs })
}

function reasonOf({ trigger, count, withinSeconds }: KillRule): string {
  if (trigger === 'anomaly') return 'its pact stops it on an anomaly'
  if (trigger === 'budget') return 'its pact stops it when a budget is used up'
  return `${count} writes within ${withinSeconds} s failed, or nobody knows their end`
}
