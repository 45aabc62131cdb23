// Steps 1 to 3 of a tool call: schema, amount, effect key, what the pact will be asked.
import {
  amountOf,
  effectKeyOf,
  quoteArguments,
  subjectOf,
  touchesOf,
} from '../../core/effect/effect-key.ts'
import { canonicalJson, sha256Hex } from '../../core/canonical.ts'
import { effectiveClass } from '../../core/effect/proof.ts'
import { oneCall } from '../../core/budget/budget.ts'
import { type Amount, type EffectClass, type ToolCall, toolName } from '../../core/decision/call.ts'
import { decide } from '../../core/decision/decide.ts'
import { callDigest } from '../../core/decision/loops.ts'
import { outsideTask } from '../../core/decision/task.ts'
import { recordFacts } from '../../core/decision/recorded-facts.ts'
import type { Decision } from '../../core/decision/decision.ts'
import { tighten } from '../../core/decision/tighten.ts'
import type { SessionFacts } from '../../core/decision/facts.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { CompiledTool } from '../../core/pact/compiled.ts'
import type { EffectIntent, Intent, Principal } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'
import type { LoadedPact } from '../pacts.ts'
import type { ToolRequest } from './backend.ts'
import { hasLiveEffect } from '../../store/calls/live-effects.ts'
import { moneyIntentOf, shownCounterparty } from '../money/money-intent.ts'
import { runIntentOf } from '../runs/run-name.ts'
import { callFollowUp } from './call-followup.ts'
import { isFeatureName } from '../mcp/servers/features.ts'
import { mayHoldByTrigger } from '../../core/escalation/may-hold.ts'
import type { Signals } from '../../core/escalation/escalation.ts'
import { signalsFor } from '../escalation/signals-for.ts'
import { scoreCall } from '../escalation/score-call.ts'
import { watchToolCall } from '../escalation/watch-call.ts'
import { mayHoldOutward } from '../../core/taint/trifecta.ts'
import { findTaint } from '../taint/origins.ts'
import { parseToolResult } from './tool-result.ts'

export type ToolCallInput = {
  readonly callId: string
  readonly principal: Principal
  readonly server: string
  readonly tool: string
  readonly args: Readonly<Record<string, unknown>>
  readonly resume: Intent['resume']
  /** The run that the agent names. */
  readonly run?: string | undefined
  /** The person who makes the call in the agent's stead. */
  readonly inStead?: Intent['inStead']
  /** The person who changed the arguments of a held call: it is held again, and not theirs to approve. */
  readonly author?: Intent['author']
  /** Of an agent that still listens: when it cancels, and what it is told meanwhile. */
  readonly live?: Pick<ToolRequest, 'signal' | 'onProgress' | 'logs' | 'relay'> | undefined
}

export type PreparedToolCall = {
  readonly intent: Intent
  readonly loaded: LoadedPact
  readonly tool: CompiledTool | undefined
  /** Whose key encrypts the payloads. */
  readonly subject: string
  readonly amount: Amount | undefined
}

type Finding = { verdict: 'hold' | 'deny'; code: ErrorCode; rule: string; reason: string }

export async function prepareToolCall(
  gateway: Gateway,
  asked: ToolCallInput,
  hasWaited: boolean,
): Promise<PreparedToolCall> {
  const loaded = await gateway.pacts.active(asked.principal)
  const input = { ...asked, tool: recordedName(gateway, loaded, asked) }
  const { principal, args } = input
  const action = `${input.server}/${input.tool}`
  const tool = loaded.pact.tools.get(action)
  const outside = tool && outsideTask(loaded.pact, principal.task, { kind: 'tool', name: action })
  const findings = outside === undefined ? checkArguments(loaded, action, args) : [forbid(outside)]
  const key = keyEffect(gateway, { input, tool, findings })
  const amount =
    tool && (await findAmount(gateway, { input, loaded, tool, findings, key: key.key }))
  const drift =
    tool && outside === undefined
      ? await findDrift(gateway, { input, loaded, action, findings })
      : undefined
  if (input.author !== undefined) findings.push(edited)
  const subject = (tool && subjectOf(tool, args)) ?? principal.endUser
  const text = Buffer.from(
    JSON.stringify({ server: input.server, tool: asked.tool, arguments: args }),
  )
  const money = moneyIntentOf(gateway.vault, { tool, amount, args })
  const effect = {
    ...key,
    amountMinor: amount?.minorUnits,
    currency: amount?.currency,
    counterparty: shownCounterparty(money),
  }
  const isWrite = tool !== undefined && tool.effectClass !== 'read'
  const mayHold =
    drift !== undefined ||
    input.author !== undefined ||
    mayHoldOutward(loaded.pact, tool) ||
    (tool !== undefined && mayHoldByTrigger(loaded.pact, tool)) ||
    (tool?.bound.rules.some((rule) => rule.effect === 'hold') ?? false)
  const { sessionId } = principal
  const { escalation } = loaded.pact
  const isOfPerson =
    input.inStead !== undefined || input.author !== undefined || input.resume?.isOfPerson === true
  // What a person does teaches nothing about the agent.
  const watch = isOfPerson
    ? undefined
    : watchToolCall(gateway, escalation, { action, args, task: principal.task })
  const score =
    findings.length === 0 && escalation?.scorer !== undefined && !isOfPerson
      ? await scoreCall(gateway, loaded, { principal, action, args })
      : undefined
  const taint = await findTaint(gateway, { loaded, tool, sessionId, args })
  const effectSeen = await classOf(gateway, loaded, tool)
  const intent: Intent = {
    callId: input.callId,
    principal,
    pactId: loaded.pactId,
    kind: 'tool',
    action,
    isWrite,
    reservation: oneCall,
    request: await gateway.vault.seal(subject, text),
    decide: bindDecision({
      input,
      loaded,
      tool,
      amount,
      findings,
      effectClass: effectSeen,
      digest: callDigest(loaded.pact.loops, action, key.argsHash),
      origins: taint.origins,
      isWatched: watch !== undefined,
      score,
      isOfPerson,
    }),
    effect: isWrite || mayHold ? effect : undefined,
    holdEffect: () => effect,
    schemaHash: loaded.pinned.get(action)?.hash ?? '',
    holdExpiresAfterMs: loaded.pact.holdExpiresAfterSeconds * 1000,
    drift,
    resume: input.resume,
    inStead: input.inStead,
    author: input.author,
    approvals: loaded.pact.approvals,
    effectSeen,
    hasWaited,
    taint,
    watch,
    run: runIntentOf(loaded.pact.runs, { run: input.run, isWrite, principal }),
    money,
  }
  return { intent, loaded, tool, subject, amount }
}

/**
 * The tool as the record names it. A name that neither the manifest nor the server has is the agent's
 * own words, and may be anybody's name: a keyed digest stands for it, and the payload has it.
 */
function recordedName(
  gateway: Gateway,
  { pact, pinned }: LoadedPact,
  { server, tool }: ToolCallInput,
): string {
  const name = `${server}/${tool}`
  if (pact.tools.has(name) || pinned.has(name) || isFeatureName(tool)) return tool
  return `~${gateway.vault.digest(`tool:${name}`).slice(0, 16)}`
}

async function classOf(
  gateway: Gateway,
  loaded: LoadedPact,
  tool: CompiledTool | undefined,
): Promise<EffectClass> {
  if (tool === undefined) return 'irreversible'
  if (tool.contract.undo === undefined) return tool.effectClass
  const proved = await gateway.proofs.proved(loaded)
  return effectiveClass(tool, { pact: loaded.pact, isProved: proved.has(toolName(tool)) })
}

/** Whatever the rules say, somebody else looks at what a person made of the call. */
const edited: Finding = {
  verdict: 'hold',
  code: 'call.held',
  rule: 'approval.edited',
  reason: 'a person changed the arguments',
}

/** What lies outside the task is not even asked for a quote. */
function forbid(reason: string): Finding {
  return { verdict: 'deny', code: 'task.forbidden', rule: 'task', reason }
}

function checkArguments(
  loaded: LoadedPact,
  action: string,
  args: Readonly<Record<string, unknown>>,
): Finding[] {
  const key = loaded.pact.tools.get(action)?.contract.keyArgument?.name
  if (key !== undefined && Object.hasOwn(args, key)) {
    const reason = `arguments/${key} is filled in by Airworthy: leave it out`
    return [{ verdict: 'deny', code: 'tool.arguments_invalid', rule: 'schema', reason }]
  }
  const validate = loaded.pinned.get(action)?.validate
  if (validate === undefined || validate(args)) return []
  const [first] = validate.errors ?? []
  const where =
    first?.instancePath === '' ? 'the arguments' : `arguments${first?.instancePath ?? ''}`
  const reason = `${where} ${first?.message ?? 'do not match the schema'}`
  return [{ verdict: 'deny', code: 'tool.arguments_invalid', rule: 'schema', reason }]
}

/** The amount comes from an argument, or from a quote that the shop gives: never from a claim. */
async function findAmount(
  gateway: Gateway,
  options: {
    input: ToolCallInput
    loaded: LoadedPact
    tool: CompiledTool
    findings: Finding[]
    key: string
  },
): Promise<Amount | undefined> {
  const { input, loaded, tool, findings } = options
  if (tool.contract.amount === undefined || findings.length > 0) return undefined
  const quote = quoteArguments(tool, input.args)
  let source: unknown = input.args
  if (quote !== undefined) {
    if (quote.kind === 'invalid') return refuseAmount(findings, quote.message)
    // What was done before is answered from the record; it can hardly be quoted again.
    const { db, organisationId } = gateway
    const isRepeat = await hasLiveEffect(db, organisationId, options.key)
    if (isRepeat && input.resume === undefined) return undefined
    const meta = { 'airworthy/session': input.principal.sessionId }
    using live = gateway.fence.enter({ ...input.principal, tool: quote.tool })
    const end = await callFollowUp(gateway, loaded.pact, { ...quote, meta, live })
    if (end.kind !== 'result') {
      return refuseAmount(findings, `no quote for the amount: ${end.error.message}`)
    }
    source = parseToolResult(end.result)
    if (end.result.isError === true) {
      // What the tool said is left out: reasons are stored in the clear, results are not.
      return refuseAmount(findings, 'no quote for the amount: its tool answered an error')
    }
  }
  const found = amountOf(tool, source)
  if (found === undefined) return undefined
  return found.kind === 'ok' ? found.amount : refuseAmount(findings, found.message)
}

function refuseAmount(findings: Finding[], reason: string): undefined {
  findings.push({ verdict: 'deny', code: 'policy.rule_error', rule: 'amount', reason })
  return undefined
}

/** A tool whose description or schema is not the one that was enrolled may mislead the agent. */
async function findDrift(
  gateway: Gateway,
  options: { input: ToolCallInput; loaded: LoadedPact; action: string; findings: Finding[] },
): Promise<'tools' | undefined> {
  const { input, loaded, action, findings } = options
  const server = loaded.pact.servers.get(input.server)
  const pinned = loaded.pinned.get(action)
  if (server === undefined || pinned === undefined) return undefined
  const now = await gateway.tools.hashOf({ name: input.server, server, tool: input.tool })
  if (now === undefined || now === pinned.hash) return undefined
  if (loaded.pact.drift.tools === 'hold') {
    const reason = 'the tool server lists this tool otherwise than it was enrolled'
    findings.push({ verdict: 'hold', code: 'tool.drift', rule: 'drift', reason })
  }
  return 'tools'
}

/** Keys and hashes of arguments leave as keyed digests: arguments may be somebody's address. */
function keyEffect(
  gateway: Gateway,
  options: { input: ToolCallInput; tool: CompiledTool | undefined; findings: Finding[] },
): EffectIntent {
  const { input, tool, findings } = options
  const { principal, args } = input
  const { vault } = gateway
  const fallback = sha256Hex(canonicalJson(args))
  const made = tool && effectKeyOf(tool, args, principal)
  if (made?.kind === 'invalid') {
    findings.push({ verdict: 'deny', code: 'policy.rule_error', rule: 'key', reason: made.message })
  }
  const key = made?.kind === 'ok' ? made.key : `${principal.sessionId}:${input.tool}:${fallback}`
  const windowSeconds = tool?.contract.windowSeconds
  const session = { id: principal.sessionId, endUser: principal.endUser }
  const touched = tool && touchesOf(tool, { args, session })
  if (touched?.kind === 'invalid') {
    const { message: reason } = touched
    findings.push({ verdict: 'deny', code: 'policy.rule_error', rule: 'touches', reason })
  }
  const touches = touched?.kind === 'ok' ? touched.touches : []
  return {
    effectClass: tool?.effectClass ?? 'irreversible',
    key: `${input.server}/${input.tool}:${vault.digest(key)}`,
    argsHash: vault.digest(made?.kind === 'ok' ? made.argsHash : fallback),
    windowMs: windowSeconds === undefined ? undefined : windowSeconds * 1000,
    amountMinor: undefined,
    currency: undefined,
    ...(tool?.contract.otherArguments === 'replace' ? { replaces: true } : {}),
    ...(touches.length === 0
      ? {}
      : { touches: touches.map((each) => vault.digest(`touch:${each}`)) }),
  }
}

function bindDecision(options: {
  input: ToolCallInput
  loaded: LoadedPact
  tool: CompiledTool | undefined
  amount: Amount | undefined
  findings: readonly Finding[]
  /** As rules see it: an undo that is not proved counts as none. */
  effectClass: EffectClass
  digest: string | undefined
  origins: ToolCall['origins']
  isWatched: boolean
  score: number | undefined
  isOfPerson: boolean
}): Intent['decide'] {
  const { input, loaded, findings } = options
  const { principal } = input
  const call: ToolCall = {
    kind: 'tool',
    server: input.server,
    tool: input.tool,
    effectClass: options.effectClass,
    args: input.args,
    amount: options.amount,
    digest: options.digest,
    origins: options.origins,
  }
  const agent = { name: principal.agentName, stakes: principal.stakes }
  const { isWatched, score, isOfPerson } = options
  return (session: SessionFacts, nowMs: number, known?: Signals): Decision => {
    // What is malformed is refused for that: rules would only stumble over it.
    const denied = findings.find((finding) => finding.verdict === 'deny')
    if (denied !== undefined) {
      const { code, rule, reason } = denied
      return { verdict: 'deny', code, reasons: [{ rule, verdict: 'deny', reason }] }
    }
    const signals = signalsFor(known, { isWatched, score, isOfPerson })
    const facts = { session, agent, nowMs, ...(signals === undefined ? {} : { signals }) }
    const decided = decide(call, loaded.pact, facts)
    const decision = recordFacts(decided, { call, pact: loaded.pact, facts })
    return findings.reduce(tighten, decision)
  }
}
