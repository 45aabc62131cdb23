// Times decisions, one by one: 50 rules about one tool, over its arguments, the session's facts and
// counts, the agent and the time. A program of its own, so that nothing else warms the code up:
//   node --conditions=airworthy-source server/test/decision/measure.ts <decisions>
// The last line of stdout is one JSON object; times are microseconds.
import { cpus } from 'node:os'
import type { ToolCall } from '../../src/core/decision/call.ts'
import { decide } from '../../src/core/decision/decide.ts'
import type { Facts } from '../../src/core/decision/facts.ts'
import { recordFacts } from '../../src/core/decision/recorded-facts.ts'
import { compilePact } from '../../src/core/pact/compile.ts'
import type { CompiledPact, ToolSchemas } from '../../src/core/pact/compiled.ts'
import { parseManifest } from '../../src/core/pact/manifest.ts'
import { emptySession } from '../../src/core/pact/pact-tests.ts'

const rulesCount = 50
const roundsCount = 5
const warmUpDecisions = 50_000

const text = { type: 'string' }
const schemas: ToolSchemas = {
  'shop/refund': {
    inputSchema: {
      type: 'object',
      properties: {
        order_id: text,
        amount: { type: 'number' },
        count: { type: 'integer' },
        country: text,
        note: text,
        items: {
          type: 'array',
          items: { type: 'object', properties: { sku: text, price: { type: 'number' } } },
        },
      },
      required: ['order_id', 'amount'],
    },
  },
  'shop/find_customer': { inputSchema: { type: 'object', properties: { email: text } } },
}

/** What people write: each is about something else, and none speaks for the usual call. */
const conditions: readonly ((n: number) => string)[] = [
  (n) => `call.amount > ${20_000 + n}`,
  (n) => `args.amount > ${500 + n}.0 && session.writes >= 2`,
  () => "session.done['shop/find_customer'] == 0",
  (n) => `args.country in ['KP', 'IR', 'SY', 'X${n}']`,
  (n) => `has(args.note) && args.note.contains('urgent ${n}')`,
  (n) => `session.spentNanoUsd > ${2_000_000_000 + n} && call.write`,
  (n) => `args.items.exists(item, item.price > ${900 + n}.0)`,
  (n) => `session.failed['shop/refund'] + session.unknown['shop/refund'] > ${2 + n}`,
  () => "agent.stakes == 'high' && now.getHours() < 6 && call.write",
  (n) => `args.order_id.startsWith('TEST-${n}') || args.order_id == ''`,
]

function manifestText(): string {
  const permissions: unknown[] = [{ id: 'tools', effect: 'allow', tools: ['shop/*'] }]
  for (let index = 1; index < rulesCount; index += 1) {
    const when = conditions[index % conditions.length]?.(index)
    const effect = index % 10 === 0 ? 'hold' : 'deny'
    permissions.push({ id: `rule-${index}`, effect, tools: ['shop/refund'], when })
  }
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: 'bench', owner: 'bench@example.com', stakes: 'high' },
    toolServers: { shop: { transport: 'http', url: 'http://127.0.0.1:9/mcp' } },
    tools: {
      'shop/refund': {
        effect: 'irreversible',
        amount: { argument: 'amount', currency: 'USD' },
      },
      'shop/find_customer': { effect: 'read' },
    },
    pact: { permissions },
  })
}

function compile(): CompiledPact {
  const parsed = parseManifest(manifestText(), 'bench')
  const compiled = parsed.kind === 'ok' ? compilePact(parsed.manifest, schemas) : parsed
  if (compiled.kind === 'ok') return compiled.pact
  throw new Error(compiled.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'))
}

function refund(more: Readonly<Record<string, unknown>>): ToolCall {
  const args = {
    order_id: 'W-1234567',
    amount: 49.9,
    count: 2,
    country: 'DE',
    note: 'the parcel came broken, please see the photograph',
    items: Array.from({ length: 5 }, (_, index) => ({ sku: `S${index}`, price: 9.98 })),
    ...more,
  }
  const minorUnits = BigInt(Math.round(args.amount * 100))
  return {
    kind: 'tool',
    server: 'shop',
    tool: 'refund',
    effectClass: 'irreversible',
    args,
    amount: { minorUnits, currency: 'USD' },
  }
}

/** The usual call, and some that are held, denied, or fail a rule, or are looked at twice. */
const calls: readonly ToolCall[] = [
  refund({}),
  refund({ order_id: 'W-7654321', count: 3 }),
  refund({ amount: 320 }),
  refund({ amount: 200.25 }),
  refund({ country: 'KP' }),
  refund({ note: 'café, señor, Łódź' }),
  refund({ country: undefined }),
]

const session: Facts['session'] = {
  ...emptySession(),
  task: 'refund of order W-1234567',
  endUser: 'customer-17',
  modelCalls: 12,
  toolCalls: 8,
  writes: 1,
  tokens: 40_000,
  spentNanoUsd: 21_000_000n,
  tools: {
    'shop/find_customer': { made: 1, done: 1, failed: 0, unknown: 0 },
    'shop/refund': { made: 1, done: 1, failed: 0, unknown: 0 },
  },
}
const facts: Facts = {
  session,
  agent: { name: 'bench', stakes: 'high' },
  nowMs: Date.UTC(2026, 10, 22, 12),
}

type Round = { readonly p50: number; readonly p99: number; readonly p999: number }

const verdicts = { allow: 0, hold: 0, deny: 0 }

function runRound(pact: CompiledPact, decisions: number): Round {
  const times = new Float64Array(decisions)
  for (let index = 0; index < decisions; index += 1) {
    const call = calls[index % calls.length] ?? refund({})
    const began = performance.now()
    const decision = recordFacts(decide(call, pact, facts), { call, pact, facts })
    times[index] = (performance.now() - began) * 1000
    verdicts[decision.verdict] += 1
  }
  times.sort()
  const at = (share: number): number => {
    const found = times[Math.min(decisions - 1, Math.floor(decisions * share))] ?? 0
    return Number(found.toFixed(1))
  }
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}

/**
 * The other work of a machine makes a round slower and never faster, so the round with the least
 * p99 is the one that tells of decisions; all are printed.
 */
function main(decisions: number): void {
  const pact = compile()
  runRound(pact, warmUpDecisions)
  verdicts.allow = 0
  verdicts.hold = 0
  verdicts.deny = 0
  const each = Math.ceil(decisions / roundsCount)
  const rounds = Array.from({ length: roundsCount }, () => runRound(pact, each))
  const quietest = rounds.toSorted((one, other) => one.p99 - other.p99)[0]
  const [processor] = cpus()
  const model = processor?.model.trim() ?? 'unknown processor'
  console.log(
    JSON.stringify({
      rules: pact.tools.get('shop/refund')?.bound.rules.length,
      decisions: each * roundsCount,
      ...quietest,
      rounds,
      verdicts,
      machine: `${cpus().length} x ${model}, Node.js ${process.versions.node}`,
    }),
  )
}

main(Number(process.argv[2] ?? 200_000))
