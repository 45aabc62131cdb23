// An agent that makes the five steps of a run: it asks again until it is answered, stops where its
// run is closed, and completes the run at the end.
import { setTimeout as sleep } from 'node:timers/promises'
import { at } from '../../../e2e/harness/json.ts'
import type { SagaSession } from './ground.ts'
import { runName } from './ground.ts'
import { stepsOfRun } from './scenarios.ts'

const askWithinMs = 120_000
const againMs = 500
const askAgain: ReadonlySet<unknown> = new Set([
  'effect.in_flight',
  'effect.unknown',
  'gateway.overloaded',
  'gateway.stopping',
  'log.unavailable',
])

export type AgentEnd = 'completed' | 'closed' | 'failed' | 'gone' | 'stopped'

export type AgentPlan = {
  readonly session: SagaSession
  /** Called before each step; false stops the agent there. */
  readonly mayStep: (n: number) => Promise<boolean>
  /** Whether it asks again after an answer that never came. */
  readonly comesBack: boolean
}

export async function runAgent(plan: AgentPlan): Promise<AgentEnd> {
  for (let n = 1; n <= stepsOfRun; n += 1) {
    if (!(await plan.mayStep(n))) return 'stopped'
    const end = await makeStep(plan, n)
    if (end !== 'done') return end
  }
  return completeRun(plan)
}

async function makeStep(plan: AgentPlan, n: number): Promise<'done' | AgentEnd> {
  const deadline = performance.now() + askWithinMs
  while (performance.now() < deadline) {
    await using clients = plan.session.connect()
    try {
      const reply = await clients.call('step', { n }, { 'airworthy/run': runName })
      if (!reply.isError) return 'done'
      const code = at(reply.value, 'code')
      if (code === 'run.closed') return 'closed'
      if (!askAgain.has(code)) return 'failed'
    } catch {
      if (!plan.comesBack) return 'gone'
    }
    await sleep(againMs)
  }
  throw new Error(`step ${n} had no answer in time`)
}

async function completeRun(plan: AgentPlan): Promise<AgentEnd> {
  const deadline = performance.now() + askWithinMs
  while (performance.now() < deadline) {
    const state = await plan.session.complete().catch(() => 'unanswered')
    if (state === 'completed') return 'completed'
    if (state === 'run.closed') return 'closed'
    await sleep(againMs)
  }
  throw new Error('the run could not be completed in time')
}
