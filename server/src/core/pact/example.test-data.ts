// A small retail pact for the tests beside it.
import { compilePact } from './compile.ts'
import type { CompiledPact, ToolSchemas } from './compiled.ts'
import { parseManifest } from './manifest.ts'
import type { Manifest } from './manifest.ts'
import type { Facts } from '../decision/facts.ts'

const text = { type: 'string' }

function takes(properties: Record<string, unknown>, required: string[] = []) {
  return { inputSchema: { type: 'object', properties, required } }
}

const cancelReason = { type: 'string', enum: ['no longer needed', 'ordered by mistake'] }
const items = {
  type: 'array',
  items: { type: 'object', properties: { price: { type: 'number' } } },
}
const address = { type: 'object', properties: { zip: text, geo: { type: 'object' } } }

export const exampleSchemas: ToolSchemas = {
  'retail/find_user_id_by_email': takes({ email: text }, ['email']),
  'retail/get_order_details': takes({ order_id: text }, ['order_id']),
  'retail/cancel_pending_order': takes({ order_id: text, reason: cancelReason, user_id: text }),
  'retail/pay': takes({
    amount: { type: 'number' },
    count: { type: 'integer', minimum: 1, maximum: 5 },
    note: text,
    urgent: { type: 'boolean' },
    items,
    address,
    labels: { type: 'object', additionalProperties: { type: 'integer' } },
    anything: {},
  }),
  'retail/quote_refund': takes({ order_id: text }, ['order_id']),
  'retail/undo_effect': takes({ effect_key: text }, ['effect_key']),
  'retail/probe_effect': takes({ effect_key: text }, ['effect_key']),
  'retail/drop_everything': takes({}),
}

export const exampleText = `schema: airworthy.manifest/1
agent: { name: retail-desk, owner: support@example.com, stakes: high }
models:
  - name: gpt-4.1-mini
    wire: openai
    baseUrl: http://127.0.0.1:9000/v1
    prices: { inputPerMillionUsd: "0.40", cachedInputPerMillionUsd: "0.10", outputPerMillionUsd: "1.60" }
    maxOutputTokens: 16384
prompts:
  - { name: desk, template: "You are a desk. Today is {{today}}.", variables: [today] }
settings: { temperature: 0 }
drift: { prompt: hold, tools: record }
toolServers:
  retail: { transport: stdio, command: node, args: [server.ts] }
tools:
  retail/get_order_details: { effect: read }
  retail/find_user_id_by_email: { effect: read }
  retail/cancel_pending_order:
    effect: reversible
    key: "{{args.order_id}}"
    subject: "{{args.user_id}}"
    amount:
      quote: { tool: quote_refund, arguments: { order_id: "{{args.order_id}}" }, path: refund.total }
      currency: USD
    undo: { tool: undo_effect, arguments: { effect_key: "{{effect.key}}" } }
    probe:
      tool: probe_effect
      arguments: { effect_key: "{{effect.key}}" }
      done: result.found == true
  retail/pay: { effect: irreversible }
limits:
  session: { calls: 200, tokens: 3000000, moneyUsd: "2.50" }
  defaultSession: { calls: 10 }
pact:
  permissions:
    - { id: models, effect: allow, models: ["*"] }
    - { id: reads, effect: allow, tools: ["retail/get_*", "retail/find_*"] }
    - { id: writes, effect: allow, tools: ["retail/cancel_*", "retail/pay"] }
    - id: customer-first
      effect: deny
      tools: ["retail/cancel_*"]
      when: session.done['retail/find_user_id_by_email'] == 0
      reason: a write needs a customer found in this session first
    - id: big-refund
      effect: hold
      tools: ["retail/cancel_pending_order"]
      when: call.amount > 20000
      reason: refunds above 200 USD need a person
    - { id: three-writes, effect: deny, tools: ["*"], when: call.write && session.writes >= 3 }
`

/** The example with its text changed: every replacement must be found. */
export function exampleManifest(...changes: readonly (readonly [string, string])[]): Manifest {
  let changed = exampleText
  for (const [from, to] of changes) {
    if (!changed.includes(from)) throw new Error(`not in the example: ${from}`)
    changed = changed.replace(from, to)
  }
  const outcome = parseManifest(changed, 'agent.yaml')
  if (outcome.kind === 'ok') return outcome.manifest
  throw new Error(outcome.problems.map((problem) => problem.message).join('\n'))
}

export type ExampleRule = Manifest['pact']['permissions'][number]

/** The example with other permissions. */
export function withRules(permissions: readonly ExampleRule[]): Manifest {
  const manifest = exampleManifest()
  return { ...manifest, pact: { ...manifest.pact, permissions: [...permissions] } }
}

/** Compiles, or throws what is wrong. */
export function compiled(manifest: Manifest): CompiledPact {
  const outcome = compilePact(manifest, exampleSchemas)
  if (outcome.kind === 'ok') return outcome.pact
  throw new Error(outcome.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
}

export const exampleFacts: Facts = {
  session: {
    task: 'task-1',
    endUser: 'user-1',
    modelCalls: 3,
    toolCalls: 2,
    writes: 0,
    denied: 0,
    held: 0,
    tokens: 1000,
    spentNanoUsd: 0n,
    tools: { 'retail/find_user_id_by_email': { made: 1, done: 1, failed: 0, unknown: 0 } },
  },
  agent: { name: 'retail-desk', stakes: 'high' },
  nowMs: Date.UTC(2026, 10, 22, 12),
}
