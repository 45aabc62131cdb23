import assert from 'node:assert/strict'
import { createHash, randomUUIDv7 } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { ImportUsage } from '@airworthy/sdk'
import { firstCallIdAt } from '../../../src/core/audit/call-time.ts'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
let session: { id: string; agentId: string; versionId: string; pactId: string }

const written = '    prices: { inputPerMillionUsd: "0.40", outputPerMillionUsd: "1.60" }\n'
const fileHash = createHash('sha256').update('a file').digest('hex')
const day = (text: string) => Date.parse(`${text}T12:00:00Z`)

before(async () => {
  api = await startApi()
  const { agent } = await enrolDesk(api, (text) =>
    text.replace(written, `    provider: openai\n    upstreamModel: gpt-4.1-mini\n${written}`),
  )
  const opened = await api.client.openSession({ agent: 'desk' })
  const { id, versionId, pactId } = opened.session
  session = { id, agentId: agent.id, versionId, pactId }
  await insertCall({ atMs: day('2026-11-10'), prompt: 1000, cached: 400, completion: 50, cost: 1n })
  await insertCall({ atMs: day('2026-11-10'), prompt: 500, completion: 25, cost: 2n })
  await insertCall({ atMs: day('2026-11-11'), prompt: 100, completion: 10, cost: 4n })
  // Counts nowhere: answered from a cache of ours.
  await insertCall({ atMs: day('2026-11-11'), prompt: 9, completion: 9, cost: 0n, cache: 'exact' })
  await insertCall({ atMs: day('2026-11-11'), state: 'unknown' })
})
after(() => api[Symbol.asyncDispose]())

type Made = {
  atMs: number
  prompt?: number
  cached?: number
  completion?: number
  cost?: bigint
  cache?: string
  state?: string
}

/** A model call as the gateway would have written it then. */
async function insertCall(made: Made): Promise<void> {
  const callId = firstCallIdAt(made.atMs).slice(0, 14) + randomUUIDv7().slice(14)
  const ids = { organisation_id: api.organisationId, call_id: callId }
  const at = new Date(made.atMs)
  await api.db
    .insertInto('airworthy.call_intents')
    .values({
      ...ids,
      session_id: session.id,
      agent_id: session.agentId,
      version_id: session.versionId,
      pact_id: session.pactId,
      api_key_id: randomUUIDv7(),
      replica_id: randomUUIDv7(),
      kind: 'model',
      action: 'small',
      state: 'executing',
      verdict: 'allow',
      enforced: true,
      reserved: '{1,0,0}',
      intent_seq: 0,
      log_id: 1,
      created_at: at,
    })
    .execute()
  await api.db
    .insertInto('airworthy.call_outcomes')
    .values({
      ...ids,
      state: made.state ?? 'done',
      prompt_tokens: made.prompt ?? null,
      cached_tokens: made.prompt === undefined ? null : (made.cached ?? 0),
      completion_tokens: made.completion ?? null,
      cost_nano_usd: made.cost ?? null,
      settled_at: at,
      ...(made.cache === undefined
        ? {}
        : { detail: JSON.stringify({ cache: made.cache, endpoint: 'default' }) }),
    })
    .execute()
}

const account = (part: Partial<ImportUsage> = {}): ImportUsage => ({
  provider: 'openai',
  fileHash,
  tolerancePercent: 1,
  lines: [
    {
      day: '2026-11-10',
      model: 'gpt-4.1-mini-2025-04-14',
      calls: 2,
      inputTokens: 1500,
      outputTokens: 75,
      costNanoUsd: '3',
    },
    {
      day: '2026-11-11',
      model: 'gpt-4.1-mini-2025-04-14',
      calls: 1,
      inputTokens: 100,
      outputTokens: 10,
      costNanoUsd: '4',
    },
  ],
  ...part,
})

test('lists what model calls used, under the name that the provider knows', async () => {
  const { calls, next } = await api.client.listModelUse({ agent: 'desk' })
  assert.equal(next, null)
  const used = calls.map((call) => [call.promptTokens, call.cachedTokens, call.completionTokens])
  assert.deepEqual(
    used.toSorted(([one = 0], [other = 0]) => other - one),
    [
      [1000, 400, 50],
      [500, 0, 25],
      [100, 0, 10],
    ],
  )
  assert.deepEqual(
    [calls[0]?.provider, calls[0]?.upstreamModel, calls[0]?.model],
    ['openai', 'gpt-4.1-mini', 'small'],
  )
})

test('lists those of a time, page by page', async () => {
  const range = { from: '2026-11-10T00:00:00Z', to: '2026-11-11T00:00:00Z' }
  const first = await api.client.listModelUse({ ...range, limit: 1 })
  assert.equal(first.calls.length, 1)
  const rest = await api.client.listModelUse({ ...range, limit: 10, after: first.next ?? '' })
  assert.equal(rest.calls.length, 1)
  const unknown = await ask(api, { path: '/v1/usage/calls?agent=nobody' })
  assert.equal(unknown.code, 'agent.unknown')
})

test('finds no difference where the account says what the record says, and keeps that', async () => {
  const size = BigInt((await api.client.getLog()).size)
  const report = await api.client.importUsage(account())
  assert.equal(report.isWithin, true, JSON.stringify(report))
  assert.deepEqual([report.firstDay, report.lastDay], ['2026-11-10', '2026-11-11'])
  assert.equal(report.lines.length, 2)
  assert.equal(report.lines[1]?.unknownCalls, 1)
  assert.deepEqual(report.total.ours, {
    calls: 3,
    inputTokens: 1600,
    outputTokens: 85,
    costNanoUsd: '7',
  })
  const { entries } = await api.client.listEntries({ after: String(size - 1n) })
  const text = JSON.stringify(entries)
  assert.ok(text.includes('usage.imported') && text.includes(fileHash))
  const { imports } = await api.client.listUsageImports()
  const { lines: _, ...summary } = report
  assert.deepEqual(imports, [summary])
})

test('reports a difference above the tolerance', async () => {
  const [one, two] = account().lines
  assert.ok(one !== undefined && two !== undefined)
  const report = await api.client.importUsage(
    account({ lines: [{ ...one, inputTokens: 1600 }, two] }),
  )
  assert.equal(report.isWithin, false)
  assert.equal(report.lines[0]?.difference.inputTokens, -100)
  assert.equal(report.lines[0]?.percent, 6.25)
  assert.equal(report.lines[1]?.isWithin, true)
})

test('leaves out calls to other providers', async () => {
  const [one] = account().lines
  assert.ok(one !== undefined)
  const lines = [{ ...one, model: 'claude-sonnet-4-6' }]
  const report = await api.client.importUsage(account({ provider: 'anthropic', lines }))
  assert.equal(report.lines.length, 1)
  assert.equal(report.total.ours, null)
  const all = await api.client.importUsage(account({ provider: 'generic', lines }))
  assert.equal(all.lines.length, 2)
})

test('refuses an account without lines, of too long a time, or with figures that are none', async () => {
  const [one] = account().lines
  assert.ok(one !== undefined)
  const bodies = [
    account({ lines: [] }),
    account({ lines: [one, { ...one, day: '2020-01-01' }] }),
    account({ lines: [{ ...one, inputTokens: -1 }] }),
    account({ lines: [{ ...one, day: '2026-02-30' }] }),
    account({ fileHash: 'x' }),
    account({ tolerancePercent: 101 }),
  ]
  for (const body of bodies) {
    const answer = await ask(api, { path: '/v1/usage/imports', body })
    assert.equal(answer.code, 'request.invalid', JSON.stringify(body))
  }
})
