// What a decision leaves behind for whoever asks later why: the facts that its rules read, as they
// were under the lock. They lie in the first reason, so the log's digest of the reasons covers them.
import type { BoundRules, CompiledPact } from '../pact/compiled.ts'
import { toolName } from './call.ts'
import type { Call } from './call.ts'
import type { Decision, RecordedFacts } from './decision.ts'
import type { Facts, SessionFacts } from './facts.ts'
import { taskOf } from './task.ts'

const COUNTERS = ['modelCalls', 'toolCalls', 'writes', 'denied', 'held', 'tokens'] as const

/** `session.calls` is the sum of these. */
const CALLS: ReadonlySet<string> = new Set(['modelCalls', 'toolCalls'])

/** The decision with the facts that it rests on; unchanged where no rule reads any. */
export function recordFacts(
  decision: Decision,
  known: { readonly call: Call; readonly pact: CompiledPact; readonly facts: Facts },
): Decision {
  const [first, ...rest] = decision.reasons
  if (first === undefined) return decision
  const facts = factsRead(known)
  return facts === undefined ? decision : { ...decision, reasons: [{ ...first, facts }, ...rest] }
}

/** Every set of rules that is asked about a call: permissions, the task's bounds, the write flow. */
export function rulesAbout(call: Call, pact: CompiledPact, task: string): readonly BoundRules[] {
  if (call.kind === 'model') {
    const model = pact.models.get(call.model)
    return model === undefined ? [] : [model.bound]
  }
  const name = toolName(call)
  return [
    pact.tools.get(name)?.bound,
    taskOf(pact, task)?.bounds.get(name),
    pact.writeFlow?.opens.get(name),
  ].filter((bound) => bound !== undefined)
}

function factsRead(known: {
  readonly call: Call
  readonly pact: CompiledPact
  readonly facts: Facts
}): RecordedFacts | undefined {
  const { call, pact, facts } = known
  const { session } = facts
  const bounds = rulesAbout(call, pact, session.task)
  const reads = bounds.flatMap((bound) => bound.reads ?? [])
  const isRead = (path: string): boolean =>
    reads.some((read) => read === path || read.startsWith(`${path}[`))
  const counters = COUNTERS.filter(
    (name) => isRead(`session.${name}`) || (CALLS.has(name) && isRead('session.calls')),
  )
  const tools = countsOf(bounds, session)
  const asksOrigins = bounds.some((bound) => bound.readOrigins !== undefined)
  const hasAmount = call.kind === 'tool' && call.amount !== undefined
  const { escalation } = pact
  const isPlain = reads.length === 0 && !hasAmount && pact.writeFlow === undefined
  if (isPlain && escalation === undefined) return undefined
  return {
    nowMs: facts.nowMs,
    ...Object.fromEntries(counters.map((name) => [name, session[name]])),
    ...(isRead('session.spentNanoUsd') ? { spentNanoUsd: String(session.spentNanoUsd) } : {}),
    ...(tools === undefined ? {} : { tools }),
    ...(session.flow === undefined ? {} : { flow: session.flow }),
    ...(session.taint === undefined ? {} : { taint: session.taint }),
    ...(asksOrigins && call.kind === 'tool' ? { origins: call.origins } : {}),
    ...(isRead('call.effect') && call.kind === 'tool' ? { effect: call.effectClass } : {}),
    ...(isRead('session.repeats') ? { recent: session.recent ?? '' } : {}),
    ...(hasAmount ? { amount: amountOf(call) } : {}),
    ...(escalation === undefined ? {} : triggerFacts(facts)),
  }
}

function triggerFacts({ session, signals }: Facts): Partial<RecordedFacts> {
  const { writes, escalation } = session
  return {
    writes,
    ...(escalation === undefined ? {} : { escalation }),
    ...(signals === undefined ? {} : { signals }),
  }
}

function amountOf(call: Call): NonNullable<RecordedFacts['amount']> {
  const amount = call.kind === 'tool' ? call.amount : undefined
  return { minorUnits: String(amount?.minorUnits ?? ''), currency: amount?.currency ?? '' }
}

function countsOf(
  bounds: readonly BoundRules[],
  session: SessionFacts,
): RecordedFacts['tools'] | undefined {
  const names = new Set(bounds.flatMap(({ counts }) => Object.values(counts).flat()))
  if (names.size === 0) return undefined
  return Object.fromEntries(
    [...names].map((name) => {
      const counts = Object.hasOwn(session.tools, name) ? session.tools[name] : undefined
      const { made = 0, done = 0, failed = 0, unknown = 0 } = counts ?? {}
      return [name, [made, done, failed, unknown] as const]
    }),
  )
}
