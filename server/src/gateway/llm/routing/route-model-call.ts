// Calls that name a route: the rules choose a model, or a cascade of two, and the record says why.
import { randomUUIDv7 } from 'node:crypto'
import type { Reason } from '../../../core/decision/decision.ts'
import { readReplyFacts } from '../../../core/routing/reply-facts.ts'
import { readRequestFacts } from '../../../core/routing/request-facts.ts'
import {
  chooseRoute,
  findFault,
  firstModel,
  type RouteChoice,
} from '../../../core/routing/route.ts'
import type { RouteFacts } from '../../../core/routing/environment.ts'
import type { CompiledPact } from '../../../core/pact/compiled.ts'
import type { Gateway } from '../../gateway.ts'
import { CapturedReply, wholeReply } from '../captured-reply.ts'
import type { ReplyTarget } from '../detached-reply.ts'
import type { ModelCallInput } from '../prepare-model-call.ts'
import { compareLater } from './compare-models.ts'
import {
  type Answered,
  answeredBy,
  isJudged,
  lineOf,
  type Routed,
  type RunVariant,
  watchHead,
} from './routed.ts'

/** What the pact's routes say of a call; undefined where it names none of them. */
export function routeModelCall(
  { pact, pactId }: { readonly pact: CompiledPact; readonly pactId: string },
  { request, wire, principal, body, label }: ModelCallInput,
): Routed | undefined {
  const route = pact.routes.get(request.model)
  if (route === undefined) return undefined
  const facts: RouteFacts = {
    request: readRequestFacts({
      api: wire.api,
      body: request.json,
      bodyBytes: body.length,
      model: request.model,
      label: label ?? '',
      stream: request.stream,
      toolNames: request.toolNames,
      outputTokens: request.maxOutputTokens ?? 0,
    }),
    session: { task: principal.task, endUser: principal.endUser, scope: principal.scope },
    agent: { name: principal.agentName, stakes: principal.stakes },
    nowMs: Date.now(),
  }
  const choice = chooseRoute(route, facts)
  // What would wait for a person is not asked for a comparison.
  const rules = pact.models.get(firstModel(choice.chosen))?.bound.rules ?? []
  const mayHold = rules.some((rule) => rule.effect === 'hold')
  return { choice, facts, pactId, compare: mayHold ? 0 : route.compare }
}

export async function runRouted(
  gateway: Gateway,
  call: { input: ModelCallInput; response: ReplyTarget; routed: Routed; run: RunVariant },
): Promise<void> {
  const { input, response, routed, run } = call
  const { choice } = routed
  if (choice.use.kind === 'cascade' && isJudged(input)) {
    await runCascade(gateway, { ...call, cascade: choice.use })
    return
  }
  const used = firstModel(choice.use)
  const comparison = isJudged(input) ? compareLater(gateway, call) : undefined
  let answered: Answered = { callId: input.callId, used }
  const watched = watchHead(comparison?.tap(response) ?? response, (headers) => {
    answered = answeredBy(headers, answered)
  })
  await run(input, watched, { modelName: used, notes: [choice.reason] })
  gateway.routeJournal.add(lineOf(call, { step: 'only', ...answered }))
  comparison?.begin()
}

type Cascade = Extract<RouteChoice['use'], { kind: 'cascade' }>

/**
 * Asks the first model and judges its answer before the client sees a byte of it; where it does not
 * stand, the second one is asked as the client's own call. A refusal of the record's is final.
 */
async function runCascade(
  gateway: Gateway,
  call: {
    input: ModelCallInput
    response: ReplyTarget
    routed: Routed
    run: RunVariant
    cascade: Cascade
  },
): Promise<void> {
  const { input, response, routed, run, cascade } = call
  const { reason } = routed.choice
  const captured = new CapturedReply()
  const onClose = (): void => {
    if (!response.writableFinished) captured.destroy()
  }
  response.once('close', onClose)
  if (response.destroyed) captured.destroy()
  const first = { ...input, callId: randomUUIDv7() }
  await run(first, captured, { modelName: cascade.try, notes: [reason] })
  response.off('close', onClose)
  const fault = judge(input, routed, captured, cascade)
  const tried = answeredBy(captured.headers, { callId: first.callId, used: cascade.try })
  gateway.routeJournal.add(lineOf(call, { step: 'try', ...tried, fault }))
  if (fault === undefined) {
    response.writeHead(captured.status, captured.headers)
    response.end(captured.body())
    return
  }
  if (response.destroyed) return
  const note: Reason = {
    rule: 'route.escalated',
    verdict: 'allow',
    reason: `${cascade.try} was asked first (call ${tried.callId}): ${fault}`,
  }
  let answered: Answered = { callId: input.callId, used: cascade.escalateTo }
  const watched = watchHead(response, (headers) => {
    answered = answeredBy(headers, answered)
  })
  await run(input, watched, { modelName: cascade.escalateTo, notes: [reason, note] })
  const last = { step: 'then', ...answered, ofCallId: tried.callId } as const
  gateway.routeJournal.add(lineOf(call, last))
}

/** Why the first answer does not stand; undefined where it is what the client gets. */
function judge(
  { wire, request }: ModelCallInput,
  { facts }: Routed,
  captured: CapturedReply,
  cascade: Cascade,
): string | undefined {
  if (captured.status !== 200) {
    const { 'airworthy-decision': decision } = captured.headers
    // Denied, held or short of budget: asking a dearer model would go round it.
    if (decision === undefined || decision === 'deny' || decision === 'hold') return undefined
    return `it answered with status ${captured.status}`
  }
  const body = wholeReply(wire.api, { body: captured.body(), isStream: request.stream })
  if (body === undefined) return 'its answer is not whole'
  return findFault(cascade.checks, facts, readReplyFacts(wire.api, body).facts)
}
