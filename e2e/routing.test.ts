// Calls that name a route: rules choose the model, cascades judge an answer before it is shown, and
// shadow only records.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { asRecord, at, type Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { upstream, server } = ground

/** Two models, each with upstream requests of its own; `big` costs ten times as much. */
function models(name: string, behaviours: { small?: string; big?: string } = {}): Json[] {
  const dear = { inputPerMillionUsd: '4.00', outputPerMillionUsd: '16.00' }
  const base = { wire: 'openai', maxOutputTokens: 1000, timeoutMs: 20_000 }
  const url = (behaviour: string, tag: string): string => upstream.base(behaviour, `${name}-${tag}`)
  return [
    { name: 'small', ...base, baseUrl: url(behaviours.small ?? 'echo', 'small'), prices },
    { name: 'big', ...base, baseUrl: url(behaviours.big ?? 'echo', 'big'), prices: dear },
  ]
}

function asked(name: string): readonly [small: number, big: number] {
  return [upstream.asked(`${name}-small`).length, upstream.asked(`${name}-big`).length]
}

const byLength = {
  model: 'auto',
  rules: [{ id: 'short', when: 'request.complexity < 0.3', use: 'small' }],
  otherwise: 'big',
}

test('rules choose by what is asked, and the record says why', async () => {
  const name = 'routes-by-rule'
  const agent = await enrol(ground, { name, more: { models: models(name), routing: [byLength] } })
  await using session = await agent.open()
  const short = await session.post(chat({ model: 'auto' }))
  assert.equal(short.status, 200)
  assert.equal(short.headers.get('airworthy-model'), 'small')
  assert.deepEqual(asked(name), [1, 0])
  const body = JSON.parse(upstream.asked(`${name}-small`)[0]?.body.toString('utf8') ?? '')
  assert.equal(at(body, 'model'), 'small')
  const hard =
    'Compare both designs step by step, explain the trade-offs, prove it and refactor the code:\n' +
    '```ts\nexport function a() { return 1 }\n```\n- it must never block\n- only O(n)\n- exactly once'
  const long = await session.post(
    chat({ model: 'auto', messages: [{ role: 'user', content: hard }] }),
  )
  assert.equal(long.headers.get('airworthy-model'), 'big')
  assert.deepEqual(asked(name), [1, 1])
  const call = await server.client.getCall(short.headers.get('airworthy-call') ?? '')
  assert.equal(call.action, 'small')
  const reasons = JSON.stringify(call.reasons)
  assert.match(reasons, /route\.short/)
  assert.match(reasons, /complexity 0\./)
})

test('a label routes, and a session is routed by its scope', async () => {
  const name = 'routes-by-scope'
  const routing = [
    {
      model: 'auto',
      rules: [
        { id: 'labelled', when: "request.label == 'summary'", use: 'small' },
        { id: 'gold', when: "session.scope.tier == 'gold'", use: 'big' },
      ],
      otherwise: 'small',
    },
  ]
  const more = { models: models(name), routing, scopes: { tier: 'string' } }
  const agent = await enrol(ground, { name, more })
  await using gold = await agent.open({ scope: { tier: 'gold' } })
  const labelled = { headers: { 'airworthy-label': 'summary' } }
  const first = await gold.post(chat({ model: 'auto' }), labelled)
  assert.equal(first.headers.get('airworthy-model'), 'small')
  assert.equal((await gold.post(chat({ model: 'auto' }))).headers.get('airworthy-model'), 'big')
  // Without a tier the rule cannot be evaluated: `otherwise` answers.
  await using none = await agent.open()
  const other = await none.post(chat({ model: 'auto' }))
  assert.equal(other.headers.get('airworthy-model'), 'small')
})

const cascade = (checks: readonly Json[] = []): Json => ({
  model: 'auto',
  rules: [{ id: 'cheap-first', when: 'true', use: { try: 'small', escalateTo: 'big', checks } }],
  otherwise: 'big',
})

test('the first answer of a cascade stands where it passes the checks', async () => {
  const name = 'cascade-stands'
  const routing = [cascade([{ id: 'greets', accept: "reply.text.contains('Hello')" }])]
  const agent = await enrol(ground, { name, more: { models: models(name), routing } })
  await using session = await agent.open()
  const plain = await session.post(chat({ model: 'auto' }))
  assert.equal(plain.status, 200)
  assert.equal(plain.headers.get('airworthy-model'), 'small')
  const stream = await session.openai.chat.completions.create({
    model: 'auto',
    stream: true,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  let text = ''
  for await (const event of stream) text += event.choices[0]?.delta.content ?? ''
  assert.equal(text, 'Hello')
  assert.deepEqual(asked(name), [2, 0])
})

test('an answer that fails a check, or never came, is asked of the second model', async () => {
  const name = 'cascade-escalates'
  const routing = [cascade([{ id: 'long', accept: 'reply.outputTokens > 100' }])]
  const agent = await enrol(ground, { name, more: { models: models(name), routing } })
  await using session = await agent.open()
  const escalated = await session.post(chat({ model: 'auto', stream: true }))
  assert.equal(escalated.status, 200)
  assert.equal(escalated.headers.get('airworthy-model'), 'big')
  assert.deepEqual(asked(name), [1, 1])
  const call = await server.client.getCall(escalated.headers.get('airworthy-call') ?? '')
  assert.match(JSON.stringify(call.reasons), /route\.escalated.*the check long/)
  // Both are on record, and both are paid for.
  const { session: row } = await session.detail()
  assert.equal(row.facts.tokens, 240)
  const broken = 'cascade-broken'
  const other = await enrol(ground, {
    name: broken,
    more: { models: models(broken, { small: 'garbage' }), routing: [cascade()] },
  })
  await using second = await other.open()
  const reply = await second.post(chat({ model: 'auto' }))
  assert.equal(reply.status, 200)
  assert.equal(reply.headers.get('airworthy-model'), 'big')
})

test('a denial of the first model is final: a dearer one does not go round it', async () => {
  const name = 'cascade-denied'
  const permissions = [{ id: 'big-only', effect: 'allow', models: ['big'] }]
  const more = { models: models(name), routing: [cascade()] }
  const agent = await enrol(ground, { name, permissions, more })
  await using session = await agent.open()
  const reply = await session.post(chat({ model: 'auto' }))
  assert.equal(reply.status, 403)
  assert.equal(reply.code, 'policy.denied')
  assert.deepEqual(asked(name), [0, 0])
})

test('shadow answers with `otherwise`, compares a share, and reports what would be saved', async () => {
  const name = 'routes-in-shadow'
  const routing = [{ ...byLength, mode: 'shadow', compare: '1' }]
  const agent = await enrol(ground, { name, more: { models: models(name), routing } })
  await using session = await agent.open()
  for (let made = 0; made < 3; made += 1) {
    const reply = await session.post(chat({ model: 'auto' }))
    assert.equal(reply.headers.get('airworthy-model'), 'big')
  }
  const report = await until('the comparisons to be written', async () => {
    const found = await server.client.reportRoutes(name)
    const compared = found.uses.find((use) => use.step === 'compare')?.compared.same ?? 0
    return compared === 3 ? found : undefined
  })
  assert.deepEqual(asked(name), [3, 3])
  assert(BigInt(report.wouldSaveNanoUsd) > 0n, report.wouldSaveNanoUsd)
  const shadowed = report.uses.find((use) => use.step === 'only')
  assert.deepEqual(
    [shadowed?.chosen, shadowed?.used, shadowed?.calls, shadowed?.mode],
    ['small', 'big', 3, 'shadow'],
  )
})

test('routes are listed as models, and a manifest that names no model is refused', async () => {
  const name = 'routes-listed'
  const agent = await enrol(ground, { name, more: { models: models(name), routing: [byLength] } })
  await using session = await agent.open()
  const listed = await session.openai.models.list()
  assert.deepEqual(listed.data.map((model) => model.id).toSorted(), ['auto', 'big', 'small'])
  const wrong = [{ ...byLength, otherwise: 'bigg' }]
  await assert.rejects(
    enrol(ground, { name: 'routes-wrong', more: { models: models(name), routing: wrong } }),
    (error: unknown) => JSON.stringify(asRecord(error)['detail']).includes('did you mean'),
  )
})

test('vectors are no answer to judge: a cascade asks its first model, once', async () => {
  const name = 'cascade-of-vectors'
  const both = models(name, { small: 'embeds', big: 'embeds' })
  const agent = await enrol(ground, { name, more: { models: both, routing: [cascade()] } })
  await using session = await agent.open()
  const path = '/v1/embeddings'
  const reply = await session.post({ model: 'auto', input: 'a tide' }, { path })
  assert.equal(reply.status, 200, reply.text)
  assert.equal(reply.headers.get('airworthy-model'), 'small')
  assert.deepEqual(asked(name), [1, 0])
})

test('at most four comparisons are made at a time', async () => {
  const name = 'compared-at-once'
  const routing = [{ ...byLength, mode: 'shadow', compare: '1' }]
  const gated = models(name, { small: 'gated', big: 'delay-20' })
  const agent = await enrol(ground, { name, more: { models: gated, routing } })
  await using session = await agent.open()
  const gate = upstream.gate(`${name}-small`)
  const asking = Array.from({ length: 12 }, () => session.post(chat({ model: 'auto' })))
  for (const reply of await Promise.all(asking)) assert.equal(reply.status, 200)
  await until('comparisons under way', () => asked(name)[0] === 4)
  gate.open()
  await until('all to be settled', async () => (await server.client.health()).openCalls === 0)
  assert.deepEqual(asked(name), [4, 12])
})

/** What the calls of an agent have cost, and what its report says that it spent. */
async function spentOf(name: string): Promise<readonly [calls: bigint, report: bigint]> {
  await until('all to be settled', async () => (await server.client.health()).openCalls === 0)
  const { rows } = await ground.database.query<{ cost: string }>(
    `SELECT coalesce(sum(c.cost_nano_usd), 0) AS cost FROM airworthy.calls c
    JOIN airworthy.agents a USING (organisation_id, agent_id) WHERE a.name = $1`,
    [name],
  )
  const { uses } = await server.client.reportRoutes(name)
  const spent = uses.reduce((sum, use) => sum + BigInt(use.spentNanoUsd), 0n)
  return [BigInt(rows[0]?.cost ?? '0'), spent]
}

test('an answer that was asked again is no saving: the report adds up to what was spent', async () => {
  const name = 'cascade-report'
  const routing = [cascade([{ id: 'long', accept: "request.text.contains('short')" }])]
  const agent = await enrol(ground, { name, more: { models: models(name), routing } })
  await using session = await agent.open()
  const ask = (text: string) =>
    session.post(chat({ model: 'auto', messages: [{ role: 'user', content: text }] }))
  await ask('a short one')
  await ask('a long one')
  await ask('another long one')
  const report = await until('the report', async () => {
    const found = await server.client.reportRoutes(name)
    return found.uses.reduce((sum, use) => sum + use.calls, 0) === 5 ? found : undefined
  })
  const [small, big] = [60 * 400 + 40 * 100 + 20 * 1600, 100 * 4000 + 20 * 16_000]
  // One answer of the small model stood; the big one was asked for the other two all the same.
  assert.equal(report.savedNanoUsd, String(big - small - 2 * small))
  const [calls, spent] = await spentOf(name)
  assert.deepEqual([calls, spent], [BigInt(3 * small + 2 * big), BigInt(3 * small + 2 * big)])
})

test('the report counts the call that answered, where another attempt was a call of its own', async () => {
  const name = 'routes-retried'
  const [small, big] = models(name)
  const { baseUrl, wire, ...rest } = asRecord(small)
  const endpoints = [
    { name: 'broken', wire, baseUrl: upstream.base('reset', `${name}-broken`), tier: 0 },
    { name: 'whole', wire, baseUrl, tier: 1 },
  ]
  const routing = [{ model: 'auto', rules: [], otherwise: 'small' }]
  const both = [{ ...rest, endpoints }, big ?? {}]
  const agent = await enrol(ground, { name, more: { models: both, routing } })
  await using session = await agent.open()
  const reply = await session.post(chat({ model: 'auto' }))
  assert.equal(reply.status, 200, reply.text)
  await until('the report', async () => (await server.client.reportRoutes(name)).uses.length > 0)
  const [calls, spent] = await spentOf(name)
  assert(calls > 0n)
  assert.equal(spent, calls)
})

test('nothing is compared with a call that failed, nor asked of a model that waits for a person', async () => {
  const name = 'compared-never'
  const routing = [{ ...byLength, mode: 'shadow', compare: '1' }]
  const failing = models(name, { big: 'refuse-400' })
  const agent = await enrol(ground, { name, more: { models: failing, routing } })
  await using session = await agent.open()
  assert.equal((await session.post(chat({ model: 'auto' }))).status, 400)
  const held = 'compared-held'
  const rules = [{ id: 'ask', effect: 'hold', models: ['small'] }]
  const other = await enrol(ground, { name: held, rules, more: { models: models(held), routing } })
  await using second = await other.open()
  assert.equal((await second.post(chat({ model: 'auto' }))).status, 200)
  for (const each of [name, held]) {
    // Written after a comparison would have begun.
    await until('the report', async () => (await server.client.reportRoutes(each)).uses.length > 0)
    assert.deepEqual(asked(each), [0, 1])
  }
  const { holds } = await server.client.listHolds()
  assert.deepEqual(holds, [])
})
