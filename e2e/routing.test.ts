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
