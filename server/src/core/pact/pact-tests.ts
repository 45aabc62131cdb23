// Runs the tests that a pact carries. Each is decided exactly as a call at the gateway is, from the
// facts that the test gives.
import { parseAmount } from '../effect/amount.ts'
import { amountOf } from '../effect/effect-key.ts'
import { effectiveClass } from '../effect/proof.ts'
import { splitToolName } from '../decision/call.ts'
import type { Call, ToolCall } from '../decision/call.ts'
import { decide } from '../decision/decide.ts'
import type { Decision, Reason, Verdict } from '../decision/decision.ts'
import type { Facts, SessionFacts, ToolCounts } from '../decision/facts.ts'
import type { CompiledPact, CompiledTool } from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import type { PactProblem, PathStep } from './problem.ts'
import { hint } from './suggest.ts'

export type PactTest = NonNullable<Manifest['pact']['tests']>[number]

/** What is wrong with arguments under the tool's input schema; undefined when nothing is. */
export type ArgumentsCheck = (tool: string, args: ToolCall['args']) => string | undefined

export type PactTestResult = {
  readonly name: string
  /** Its place in `pact.tests`. */
  readonly index: number
  readonly expected: { readonly verdict: Verdict; readonly rule?: string; readonly code?: string }
  readonly decision: Decision
  /** Undefined when the test passed. */
  readonly failure: string | undefined
}

const DEFAULT_NOW = '2026-01-01T12:00:00Z'

/** Runs every test; `problems` are tests that cannot mean what they say. */
export function runPactTests(
  manifest: Manifest,
  pact: CompiledPact,
  check: ArgumentsCheck,
): { readonly results: readonly PactTestResult[]; readonly problems: readonly PactProblem[] } {
  const tests = manifest.pact.tests ?? []
  const problems = tests.flatMap((test, index) =>
    testProblems(test, { pact, path: ['pact', 'tests', index] }),
  )
  const results = tests.map((test, index) => runTest(test, { index, manifest, pact, check }))
  return { results, problems }
}

/** A failing test as a problem of the manifest, at its place. */
export function failedTests(results: readonly PactTestResult[]): PactProblem[] {
  return results.flatMap(({ index, name, expected, failure }) =>
    failure === undefined
      ? []
      : [
          {
            path: `pact.tests[${index}]`,
            value: name,
            expected: expected.verdict,
            message: `the test ${JSON.stringify(name)} fails: ${failure}`,
          },
        ],
  )
}

/** Session facts of a session that has done nothing. */
export function emptySession(): SessionFacts {
  return {
    task: '',
    endUser: '',
    modelCalls: 0,
    toolCalls: 0,
    writes: 0,
    denied: 0,
    held: 0,
    tokens: 0,
    spentNanoUsd: 0n,
    tools: {},
  }
}

type Run = {
  readonly index: number
  readonly manifest: Manifest
  readonly pact: CompiledPact
  readonly check: ArgumentsCheck
}

function runTest(test: PactTest, { index, manifest, pact, check }: Run): PactTestResult {
  const facts: Facts = {
    session: sessionOf(test, pact),
    agent: {
      name: test.agent?.name ?? manifest.agent.name,
      stakes: test.agent?.stakes ?? manifest.agent.stakes,
    },
    nowMs: Date.parse(test.now ?? DEFAULT_NOW),
  }
  const call = callOf(test, pact)
  const invalid = call.kind === 'tool' ? check(test.call.tool ?? '', call.args) : undefined
  const decision = invalid === undefined ? decide(call, pact, facts) : refusedBySchema(invalid)
  const expected = {
    verdict: test.expect,
    ...(test.rule === undefined ? {} : { rule: test.rule }),
    ...(test.code === undefined ? {} : { code: test.code }),
  }
  return { name: test.name, index, expected, decision, failure: failureOf(expected, decision) }
}

function refusedBySchema(reason: string): Decision {
  const reasons: Reason[] = [{ rule: 'schema', verdict: 'deny', reason }]
  return { verdict: 'deny', code: 'tool.arguments_invalid', reasons }
}

function failureOf(
  expected: PactTestResult['expected'],
  { verdict, code, reasons }: Decision,
): string | undefined {
  const spoke = reasons.filter((reason) => reason.verdict === verdict)
  const told = spoke.map(({ rule, error }) => (error === undefined ? rule : `${rule}: ${error}`))
  const got = `${verdict}${code === undefined ? '' : ` ${code}`} (${told.join(', ')})`
  if (verdict !== expected.verdict) return `expected ${expected.verdict}, got ${got}`
  const { rule } = expected
  if (rule !== undefined && !spoke.some((reason) => reason.rule === rule)) {
    return `expected ${verdict} by the rule ${rule}, got ${got}`
  }
  if (expected.code === undefined || expected.code === code) return undefined
  return `expected the code ${expected.code}, got ${got}`
}

function callOf(test: PactTest, pact: CompiledPact): Call {
  const { call } = test
  if (call.tool === undefined) {
    const model = call.model ?? ''
    return { kind: 'model', model, stream: call.stream ?? false, tokensMax: 0 }
  }
  const tool = pact.tools.get(call.tool)
  const args = call.arguments ?? {}
  return {
    kind: 'tool',
    ...splitToolName(call.tool),
    effectClass:
      tool === undefined
        ? 'irreversible'
        : effectiveClass(tool, { pact, isProved: call.proved === true }),
    args,
    ...amountFor(test, tool),
    ...(call.origins === undefined ? {} : { origins: call.origins }),
  }
}

/** As at the gateway: an amount in the arguments is read there, a quoted one the test must give. */
function amountFor(
  { call }: PactTest,
  tool: CompiledTool | undefined,
): { amount: ToolCall['amount']; amountError?: string } {
  const declared = tool?.contract.amount
  if (tool === undefined || declared === undefined) return { amount: undefined }
  const found =
    declared.kind === 'argument'
      ? amountOf(tool, call.arguments ?? {})
      : call.amount === undefined
        ? { kind: 'invalid' as const, message: 'the test gives no amount of the quote' }
        : parseAmount(call.amount, declared.currency ?? '', declared)
  if (found?.kind === 'ok') return { amount: found.amount }
  return { amount: undefined, amountError: found?.message ?? 'the amount is not known' }
}

const KINDS = ['done', 'failed', 'unknown'] as const

function sessionOf({ session = {}, now }: PactTest, pact: CompiledPact): SessionFacts {
  const tools: Record<string, ToolCounts> = {}
  for (const name of namedTools(session)) {
    const [done = 0, failed = 0, unknown = 0] = KINDS.map((kind) => session[kind]?.[name] ?? 0)
    const made = Math.max(session.made?.[name] ?? 0, done + failed + unknown)
    tools[name] = { made, done, failed, unknown }
  }
  const made = Object.entries(tools)
  const sum = (counted: typeof made): number =>
    counted.reduce((total, [, counts]) => total + counts.made, 0)
  const isWrite = (name: string): boolean => pact.tools.get(name)?.effectClass !== 'read'
  const { spentNanoUsd = 0, flow, scope, untrusted, private: isPrivate, ...given } = session
  const taint = untrusted === true || isPrivate === true
  return {
    ...emptySession(),
    toolCalls: sum(made),
    writes: sum(made.filter(([name]) => isWrite(name))),
    ...counters(given),
    spentNanoUsd: BigInt(spentNanoUsd),
    tools,
    ...(scope === undefined ? {} : { scope }),
    ...(flow === 'write'
      ? { flow: { state: 'open', sinceMs: Date.parse(now ?? DEFAULT_NOW), writes: 0 } }
      : {}),
    ...(taint
      ? {
          taint: {
            untrusted: untrusted === true ? ['the test says so'] : [],
            private: isPrivate === true ? ['the test says so'] : [],
          },
        }
      : {}),
  }
}

type Counters = Partial<Omit<SessionFacts, 'tools' | 'spentNanoUsd'>>

function counters(
  given: Omit<NonNullable<PactTest['session']>, 'spentNanoUsd' | 'scope'>,
): Counters {
  const {
    made: _made,
    done: _done,
    failed: _failed,
    unknown: _unknown,
    flow: _flow,
    ...rest
  } = given
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
}

function namedTools(session: NonNullable<PactTest['session']>): string[] {
  const { made = {}, done = {}, failed = {}, unknown = {} } = session
  return [...new Set([made, done, failed, unknown].flatMap((counts) => Object.keys(counts)))]
}

function testProblems(
  test: PactTest,
  { pact, path }: { readonly pact: CompiledPact; readonly path: readonly PathStep[] },
): PactProblem[] {
  const { call, session = {} } = test
  const problems: PactProblem[] = []
  if ((call.tool === undefined) === (call.model === undefined)) {
    const expected = 'either a tool or a model'
    problems.push(problemAt([...path, 'call'], { value: call.tool ?? call.model, expected }))
  }
  const amount = call.tool === undefined ? undefined : pact.tools.get(call.tool)?.contract.amount
  if (call.amount !== undefined && amount?.kind !== 'quote') {
    const expected = 'no amount: the contract reads it from the arguments, or declares none'
    problems.push(problemAt([...path, 'call', 'amount'], { value: call.amount, expected }))
  }
  for (const kind of ['made', ...KINDS] as const) {
    for (const name of Object.keys(session[kind] ?? {})) {
      if (pact.tools.has(name)) continue
      const expected = 'a tool that has a contract, as server/tool'
      const found = { value: name, expected, hint: hint(name, pact.tools.keys()) }
      problems.push(problemAt([...path, 'session', kind, name], found))
    }
  }
  for (const name of Object.keys(session.scope ?? {})) {
    if (Object.hasOwn(pact.scopes, name)) continue
    const expected = 'a data scope that the manifest declares'
    problems.push(problemAt([...path, 'session', 'scope', name], { value: name, expected }))
  }
  return problems
}
