// GET /v1/calls/{id}/decision: which rule decided, on which facts. The recorded reasons are the
// evidence; the rest is the same call, pact and facts decided again.
import type { ExplainedDecision, ExplainedRule } from '@airworthy/sdk'
import { z } from 'zod'
import { decide } from '../../core/decision/decide.ts'
import type { Decision } from '../../core/decision/decision.ts'
import { isDecisive, type RuleTrace, traceRules } from '../../core/decision/explain.ts'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import type { CallRow } from '../../store/calls/calls.ts'
import { defineOperation } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { type PastKnown, rebuildPast } from '../pacts/rebuild-past.ts'
import { id, idParams, time } from '../schemas.ts'
import { presentReasons, reasonSchema, requireCall, verdictSchema } from './call.ts'

const readSchema = z.object({
  name: z.string(),
  value: z.unknown(),
  isMissing: z.boolean(),
  source: z.enum(['call', 'recorded', 'rebuilt', 'pact']),
})

const ruleSchema = z
  .object({
    rule: z.string(),
    effect: verdictSchema,
    when: z.string().nullable(),
    said: z.enum(['spoke', 'silent', 'error', 'unknown']),
    error: z.string().nullable(),
    isDecisive: z.boolean(),
    reads: z.array(readSchema),
  })
  .meta({ id: 'ExplainedRule' }) satisfies z.ZodType<ExplainedRule>

const reply: z.ZodType<ExplainedDecision> = z
  .object({
    call: id,
    session: id,
    kind: z.enum(['model', 'tool', 'undo']),
    action: z.string(),
    pactId: id,
    at: time,
    recorded: z.object({
      verdict: verdictSchema,
      code: z.string().nullable(),
      enforced: z.boolean(),
      state: z.string(),
      reasons: z.array(reasonSchema),
    }),
    again: z.object({ verdict: verdictSchema, code: z.string().nullable() }).nullable(),
    agrees: z.boolean().nullable(),
    facts: z.enum(['recorded', 'rebuilt']),
    rules: z.array(ruleSchema),
    notes: z.array(z.string()),
  })
  .meta({ id: 'ExplainedDecision' })

export const explainCall = defineOperation({
  id: 'explain-call',
  method: 'GET',
  path: '/v1/calls/{id}/decision',
  summary: 'Explain the decision of a call: each rule, what it said and what it read',
  roles: ['operator', 'auditor'],
  params: idParams,
  reply,
  errors: ['call.unknown', 'manifest.invalid'],
  run: async (context, { params }) => {
    const row = await requireCall(context.db, context.organisationId, params.id)
    const pact = await loadPact(context.db, context.organisationId, row.pactId)
    const past = await rebuildPast(context, row, pact)
    return present(row, pact, past)
  },
})

function present(row: CallRow, pact: CompiledPact, past: PastKnown): ExplainedDecision {
  const { call, facts, recorded, notes, isByRules } = past
  const decision = call === undefined ? undefined : decide(call, pact, facts)
  const traces = call === undefined ? [] : traceRules(call, { pact, facts })
  return {
    call: row.callId,
    session: row.sessionId,
    kind: kindOf(row.kind),
    action: row.action,
    pactId: row.pactId,
    at: row.createdAt.toISOString(),
    recorded: presentRecorded(row),
    again:
      decision === undefined ? null : { verdict: decision.verdict, code: decision.code ?? null },
    agrees: decision === undefined || !isByRules ? null : agreesWith(row, decision),
    facts: recorded === undefined ? 'rebuilt' : 'recorded',
    rules: traces.map((trace) => presentRule(trace, { pact, past, decision })),
    notes: [...notes],
  }
}

function kindOf(kind: string): ExplainedDecision['kind'] {
  return kind === 'model' || kind === 'undo' ? kind : 'tool'
}

function presentRecorded(row: CallRow): ExplainedDecision['recorded'] {
  const { verdict, code, enforced, state } = row
  return {
    verdict: verdictSchema.parse(verdict),
    code,
    enforced,
    state,
    reasons: presentReasons(row.reasons),
  }
}

/** The rules that spoke must be the same, too; what else tightened a decision is no rule. */
function agreesWith(row: CallRow, decision: Decision): boolean {
  const reasons = presentReasons(row.reasons)
  const before = new Set(reasons.map((reason) => `${reason.rule} ${reason.verdict}`))
  const now = decision.reasons.map((reason) => `${reason.rule} ${reason.verdict}`)
  return row.verdict === decision.verdict && now.every((each) => before.has(each))
}

function presentRule(
  trace: RuleTrace,
  known: {
    readonly pact: CompiledPact
    readonly past: PastKnown
    readonly decision: Decision | undefined
  },
): ExplainedRule {
  const { pact, past, decision } = known
  return {
    rule: trace.id,
    effect: trace.effect,
    when: pact.rules.find((rule) => rule.id === trace.id)?.when ?? null,
    said: trace.said,
    error: trace.error ?? null,
    isDecisive: decision !== undefined && isDecisive(trace, decision),
    reads: trace.reads.map(({ name, value }) => ({
      name,
      value: value ?? null,
      isMissing: value === undefined,
      source: past.sourceOf(name),
    })),
  }
}
