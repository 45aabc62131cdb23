// Asks every rule about a call by itself, and tells what each one read. `decide` stays the only
// judge: this shows its work.
import type { BoundRule, CompiledPact } from '../pact/compiled.ts'
import { toolName } from './call.ts'
import type { Call } from './call.ts'
import { celFault } from './cel-fault.ts'
import { classSeen, ruleValues } from './decide.ts'
import type { Decision, Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import { rulesAbout } from './recorded-facts.ts'

export type FactRead = {
  /** As the condition names it. */
  readonly name: string
  /** JSON; integers beyond 2^53 as decimal strings. Undefined where there is nothing. */
  readonly value: unknown
}

export type RuleTrace = {
  readonly id: string
  readonly effect: Verdict
  readonly said: 'spoke' | 'silent' | 'error'
  readonly error: string | undefined
  readonly reads: readonly FactRead[]
}

type Known = { readonly pact: CompiledPact; readonly facts: Facts }
type Values = Readonly<Record<string, unknown>>

/** Every rule about the call's tool or model, with the bounds of the task and the write flow. */
export function traceRules(call: Call, { pact, facts }: Known): RuleTrace[] {
  const isTool = call.kind === 'tool'
  const tool = isTool ? pact.tools.get(toolName(call)) : undefined
  const effectClass = isTool && tool !== undefined ? classSeen(call, tool) : undefined
  return rulesAbout(call, pact, facts.session.task).flatMap((bound) => {
    const context = { bound, effectClass, facts, pact }
    return bound.rules.map((rule) => {
      // Each rule reads its own view, so that what one of them cannot read does not fail another.
      const read = (): Values => ruleValues(call, context)
      const raw: Values = { ...attempt(read), args: isTool ? call.args : undefined }
      return {
        ...traceRule(rule, read),
        reads: (rule.reads ?? []).map((name) => factAt(raw, name)),
      }
    })
  })
}

/** Whether a rule gave the verdict, alone or with others. */
export function isDecisive(trace: RuleTrace, decision: Decision): boolean {
  return decision.reasons.some(
    (reason) => reason.rule === trace.id && reason.verdict === decision.verdict,
  )
}

function attempt(read: () => Values): Values {
  try {
    return read()
  } catch {
    return {}
  }
}

function traceRule(rule: BoundRule, read: () => Values): Omit<RuleTrace, 'reads'> {
  const { id, effect, program } = rule
  if (program === undefined) return { id, effect, said: 'spoke', error: undefined }
  try {
    const answer = program(read())
    if (typeof answer === 'boolean') {
      return { id, effect, said: answer ? 'spoke' : 'silent', error: undefined }
    }
    return { id, effect, said: 'error', error: 'the condition is not true or false' }
  } catch (error) {
    return { id, effect, said: 'error', error: celFault(error).summary }
  }
}

const STEP = /\.([A-Za-z_]\w*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g

function factAt(values: Values, name: string): FactRead {
  const root = /^\w+/.exec(name)?.[0] ?? ''
  let value = values[root]
  for (const [, field, index, quoted] of name.slice(root.length).matchAll(STEP)) {
    value = stepInto(value, field ?? index ?? String(JSON.parse(quoted ?? '""')))
  }
  return { name, value: toJson(value) }
}

function stepInto(value: unknown, step: string): unknown {
  if (value instanceof Map) return value.get(step)
  if (typeof value !== 'object' || value === null) return undefined
  // The views give their fields as getters of their class; of anything else only own keys count.
  const isView = step in value && !(step in Object.prototype)
  return isView ? Reflect.get(value, step) : undefined
}

function toJson(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const isSafe = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
    return isSafe ? Number(value) : String(value)
  }
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, each]) => [String(key), toJson(each)]))
  }
  return value
}
