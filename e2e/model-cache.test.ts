// Caches of models: what is given again, to whom, and for how long; what never is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chat, type ModelReply } from './harness/clients.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices, usualCostNanoUsd } from './harness/manifest.ts'
import { until } from './harness/until.ts'
import { streamedText } from './harness/upstream-behaviours.ts'

const ground = await standGround()
const { upstream, server } = ground
let made = 0

/** An agent whose model has this cache. */
async function cachingAgent(cache: Json, options: { behaviour?: string; limits?: Json } = {}) {
  made += 1
  const name = `cache-${made}`
  const { behaviour = 'echo', limits = {} } = options
  const models = [
    {
      name: 'fake',
      wire: 'openai',
      baseUrl: upstream.base(behaviour, name),
      prices,
      maxOutputTokens: 1000,
      cache,
    },
  ]
  return enrol(ground, { name, behaviour, limits, more: { models } })
}

function says(content: string, more: Json = {}): Json {
  return chat({ messages: [{ role: 'user', content }], ...more })
}

/** Asks until the reply comes from where it should: what is cached is written after the reply. */
async function untilMarked(session: TestSession, body: Json, mark: string): Promise<ModelReply> {
  return until(`a reply marked ${mark}`, async () => {
    const reply = await session.post(body)
    return reply.headers.get('airworthy-cache') === mark ? reply : undefined
  })
}

/** Waits until the agent's cache holds so many replies: they are written after the client has them. */
async function untilKept(agent: string, entries: number): Promise<void> {
  await until(`${entries} cached replies`, async () => {
    const { models } = await server.client.getCache({ agent })
    return models.reduce((sum, model) => sum + model.entries, 0) === entries
  })
}

/** Asks in ever other marks until the semantic cache has seen it: an index follows after a moment. */
async function untilWatched(session: TestSession, text: string): Promise<ModelReply> {
  let marks = ''
  return until('a reply in shadow', async () => {
    marks += '?'
    const reply = await session.post(says(text + marks))
    return reply.headers.get('airworthy-cache') === 'shadow' ? reply : undefined
  })
}

async function markOf(session: TestSession, body: Json, headers: Record<string, string> = {}) {
  const reply = await session.post(body, { headers })
  return [reply.status, reply.headers.get('airworthy-cache')]
}

test('the same request is answered from the cache, free of charge and on record', async () => {
  const agent = await cachingAgent({})
  await using session = await agent.open({ endUser: 'ann' })
  const first = await session.post(says('What is a tide?'))
  assert.equal(first.headers.get('airworthy-cache'), 'miss')
  const hit = await untilMarked(session, says('What is a tide?'), 'hit')
  const askedBefore = upstream.asked(agent.name).length
  assert.equal(hit.text, first.text)
  assert.equal(hit.headers.get('airworthy-cost-nano-usd'), '0')
  const call = await server.client.getCall(hit.headers.get('airworthy-call') ?? '')
  assert.deepEqual([call.state, call.costNanoUsd], ['done', '0'])
  assert.deepEqual(call.usage, { promptTokens: 0, cachedTokens: 0, completionTokens: 0 })
  assert.match(JSON.stringify(call.reasons), /cache\.exact/)
  const entries = await ground.database.query(
    `SELECT convert_from(entry, 'UTF8') AS text FROM airworthy.entries
     WHERE convert_from(entry, 'UTF8') LIKE $1`,
    [`%${call.id}%`],
  )
  const texts = entries.rows.map((row: { text: string }) => row.text).join('\n')
  assert.match(texts, /"cache":"exact"/)
  await session.post(says('What is a tide?'))
  assert.equal(upstream.asked(agent.name).length, askedBefore)
})

test('a model without a cache in its manifest is never answered from one', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  for (let n = 0; n < 3; n += 1) {
    const reply = await session.post(says('Again?'))
    assert.equal(reply.headers.get('airworthy-cache'), null)
  }
  assert.equal(upstream.asked(agent.name).length, 3)
})

test('another system prompt, setting, tool or model is another request', async () => {
  const agent = await cachingAgent({})
  await using session = await agent.open({ endUser: 'ann' })
  await session.post(says('What is a tide?', { temperature: 0 }))
  await untilMarked(session, says('What is a tide?', { temperature: 0 }), 'hit')
  const others = [
    says('What is a tide?', { temperature: 1 }),
    says('What is a tide?', { temperature: 0, max_tokens: 51 }),
    says('What is a tide!', { temperature: 0 }),
    says('What is a tide?', { temperature: 0, response_format: { type: 'json_object' } }),
    says('What is a tide?', {
      temperature: 0,
      tools: [{ type: 'function', function: { name: 'get_order' } }],
    }),
    chat({
      temperature: 0,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is a tide?' },
      ],
    }),
  ]
  for (const other of others) assert.deepEqual(await markOf(session, other), [200, 'miss'])
  // How it is sent, and for whom the agent says it is billed, is no part of what is asked.
  const same = says('What is a tide?', { metadata: { run: '7' }, temperature: 0 })
  assert.deepEqual(await markOf(session, same), [200, 'hit'])
})

test('an answer never goes to another user, unless the manifest shares them', async () => {
  const agent = await cachingAgent({})
  await using ann = await agent.open({ endUser: 'ann' })
  await ann.post(says('My balance?'))
  await untilMarked(ann, says('My balance?'), 'hit')
  await using bob = await agent.open({ endUser: 'bob' })
  assert.deepEqual(await markOf(bob, says('My balance?')), [200, 'miss'])
  await using annAgain = await agent.open({ endUser: 'ann' })
  assert.deepEqual(await markOf(annAgain, says('My balance?')), [200, 'hit'])
  // Two sessions that name nobody may serve two people.
  await using nobody = await agent.open()
  await nobody.post(says('Mine?'))
  await untilMarked(nobody, says('Mine?'), 'hit')
  await using other = await agent.open()
  assert.deepEqual(await markOf(other, says('Mine?')), [200, 'miss'])
  assert.deepEqual(await markOf(nobody, says('Mine?', { user: 'carl' })), [200, 'miss'])
  const sharing = await cachingAgent({ shared: true })
  await using first = await sharing.open({ endUser: 'ann' })
  await first.post(says('When do you open?'))
  await untilMarked(first, says('When do you open?'), 'hit')
  await using second = await sharing.open({ endUser: 'bob' })
  assert.deepEqual(await markOf(second, says('When do you open?')), [200, 'hit'])
})

test('a reply that calls a tool, fails or is cut short is never given again', async () => {
  const behaviours = { 'tool-permitted': 200, 'refuse-500': 500, 'cut-body': 502 }
  for (const [behaviour, status] of Object.entries(behaviours)) {
    const agent = await cachingAgent({}, { behaviour })
    await using session = await agent.open({ endUser: 'ann' })
    for (let n = 0; n < 3; n += 1) {
      const [got, mark] = await markOf(session, says('Do it'))
      assert.equal(got, status, behaviour)
      assert.notEqual(mark, 'hit')
    }
    const { models } = await server.client.getCache({ agent: agent.name })
    assert.deepEqual(models, [])
  }
})

test('the official client streams a cached reply, and a stream is cached for who wants it whole', async () => {
  const agent = await cachingAgent({})
  await using session = await agent.open({ endUser: 'ann' })
  const messages = [{ role: 'user' as const, content: 'Stream me' }]
  const body = { model: 'fake', messages, max_tokens: 50 }
  const first = await session.post({ ...body, stream: true })
  assert.equal(streamedText(first.text), 'Hello')
  await untilKept(agent.name, 1)
  const whole = await session.post(body)
  assert.equal(whole.headers.get('airworthy-cache'), 'hit')
  assert.equal(at(JSON.parse(whole.text), 'choices.0.message.content'), 'Hello')
  const { data, response } = await session.openai.chat.completions
    .create({ ...body, stream: true })
    .withResponse()
  let text = ''
  let finish: string | null = null
  for await (const chunk of data) {
    text += chunk.choices[0]?.delta.content ?? ''
    finish = chunk.choices[0]?.finish_reason ?? finish
  }
  assert.deepEqual([text, finish], ['Hello', 'stop'])
  assert.equal(response.headers.get('airworthy-cache'), 'hit')
  assert.equal(upstream.asked(agent.name).length, 1)
})

test('who asks for a fresh answer gets one, and who forbids keeping it is not kept', async () => {
  const agent = await cachingAgent({})
  await using session = await agent.open({ endUser: 'ann' })
  const noStore = { 'cache-control': 'no-store' }
  assert.deepEqual(await markOf(session, says('Once'), noStore), [200, null])
  assert.deepEqual(await markOf(session, says('Twice')), [200, 'miss'])
  await untilMarked(session, says('Twice'), 'hit')
  const noCache = { 'cache-control': 'no-cache' }
  assert.deepEqual(await markOf(session, says('Twice'), noCache), [200, 'miss'])
  const { models } = await server.client.getCache({ agent: agent.name })
  assert.equal(models[0]?.entries, 1)
})

test('a reply is not given after its time, nor after a purge', async () => {
  const agent = await cachingAgent({ ttlSeconds: 3600 })
  await using session = await agent.open({ endUser: 'ann' })
  await session.post(says('Old?'))
  await untilKept(agent.name, 1)
  assert.deepEqual(await markOf(session, says('Old?')), [200, 'hit'])
  await ground.database.query(
    `UPDATE airworthy.cache_entries e SET expires_at = clock_timestamp() FROM airworthy.agents a
     WHERE a.agent_id = e.agent_id AND a.name = $1`,
    [agent.name],
  )
  assert.deepEqual(await markOf(session, says('Old?')), [200, 'miss'])
  await untilKept(agent.name, 1)
  assert.deepEqual(await markOf(session, says('Old?')), [200, 'hit'])
  const purged = await server.client.purgeCache({ agent: agent.name, model: 'fake' })
  assert.equal(purged.entries, 1)
  assert.deepEqual(await markOf(session, says('Old?')), [200, 'miss'])
})

test('what passes the bound goes, the least recently used first', async () => {
  const agent = await cachingAgent({ entriesMax: 3 })
  await using session = await agent.open({ endUser: 'ann' })
  for (const n of [1, 2, 3]) {
    await session.post(says(`Question ${n}`))
    await untilKept(agent.name, n)
  }
  await untilMarked(session, says('Question 4'), 'hit')
  const { models } = await server.client.getCache({ agent: agent.name })
  assert.equal(models[0]?.entries, 3)
  assert.deepEqual(await markOf(session, says('Question 4')), [200, 'hit'])
  assert.deepEqual(await markOf(session, says('Question 1')), [200, 'miss'])
})

test('a reply that is too big for the cache drives nothing out of it', async () => {
  const agent = await cachingAgent({ bytesMax: 1600, semantic: {} })
  await using session = await agent.open({ endUser: 'ann' })
  await session.post(says('When do you open?'))
  await untilKept(agent.name, 1)
  // The question is kept with its reply.
  await session.post(says('a long question '.repeat(100)))
  await session.post(says('Who are you?'))
  await untilKept(agent.name, 2)
  assert.deepEqual(await markOf(session, says('When do you open?')), [200, 'hit'])
})

test('a hit goes through where the money is used up, and is refused where calls are', async () => {
  // One call reserves at most 0.00013 US dollars, and costs 0.00006.
  const limits = { session: { calls: 4, moneyUsd: '0.00015' } }
  const agent = await cachingAgent({}, { limits })
  await using session = await agent.open({ endUser: 'ann' })
  await session.post(says('Cheap?'))
  await untilKept(agent.name, 1)
  assert.deepEqual(await markOf(session, says('Cheap?')), [200, 'hit'])
  const { session: row } = await session.detail()
  assert.equal(row.facts.spentNanoUsd, String(usualCostNanoUsd))
  assert.equal((await session.post(says('Dear?'))).code, 'budget.exceeded')
  assert.deepEqual(await markOf(session, says('Cheap?')), [200, 'hit'])
  assert.deepEqual(await markOf(session, says('Cheap?')), [200, 'hit'])
  assert.equal((await session.post(says('Cheap?'))).code, 'budget.exceeded')
})

test('many of the same request at once all get the reply, and one of them is kept', async () => {
  const agent = await cachingAgent({}, { behaviour: 'delay-20' })
  await using session = await agent.open({ endUser: 'ann' })
  const replies = await Promise.all(
    Array.from({ length: 40 }, () => session.post(says('All at once'))),
  )
  assert.deepEqual(new Set(replies.map((reply) => reply.status)), new Set([200]))
  await untilMarked(session, says('All at once'), 'hit')
  const { models } = await server.client.getCache({ agent: agent.name })
  assert.equal(models[0]?.entries, 1)
})

test('who is erased leaves the caches at once', async () => {
  const agent = await cachingAgent({ semantic: {} })
  const session = await agent.open({ endUser: 'erika' })
  await untilMarked(session, says('Where do I live?'), 'hit')
  await session[Symbol.asyncDispose]()
  await server.client.requestErasure({ subject: 'erika', reason: 'asked', closeSessions: true })
  const { models } = await server.client.getCache({ agent: agent.name })
  assert.deepEqual(models, [])
  const left = await ground.database.query<{ bytes: string }>(
    `SELECT coalesce(sum(length(e.sealed) + coalesce(length(e.sealed_vector), 0)), 0)::text AS bytes
     FROM airworthy.cache_entries e JOIN airworthy.agents a USING (agent_id) WHERE a.name = $1`,
    [agent.name],
  )
  assert.equal(left.rows[0]?.bytes, '0')
  await using again = await agent.open({ endUser: 'erika' })
  assert.deepEqual(await markOf(again, says('Where do I live?')), [200, 'miss'])
})

const semantic = { falseHitRateMax: '0.5', sample: '0' }
const paraphrases = [
  ['How do I reset my password?', 'How can I reset my password?'],
  ['Where can I find my invoices?', 'Where do I find my bills?'],
  ['What are your opening hours?', 'what are the opening hours'],
  ['Can I return a gift?', 'Is it possible to return a gift?'],
] as const

test('a semantic cache watches, is let, answers, and refuses what only looks alike', async () => {
  const agent = await cachingAgent({ semantic })
  await using session = await agent.open({ endUser: 'ann' })
  const early = server.client.setCacheMode({ agent: agent.name, model: 'fake', mode: 'live' })
  await assert.rejects(early, { code: 'cache.unknown' })
  for (const [first, again] of paraphrases.slice(0, 3)) {
    await untilMarked(session, says(first), 'hit')
    const watched = await untilWatched(session, again)
    await until('the pair to be recorded', async () => {
      const { pairs } = await server.client.listCachePairs({ agent: agent.name })
      return pairs.some((pair) => pair.callId === watched.headers.get('airworthy-call'))
    })
  }
  const standing = await server.client.setCacheMode({
    agent: agent.name,
    model: 'fake',
    mode: 'live',
  })
  assert.deepEqual([standing.mode, standing.differ, standing.unsure], ['live', 0, 0])
  assert(standing.agree >= 3)
  const [first, again] = paraphrases[3]
  await untilMarked(session, says(first), 'hit')
  // What is asked in shadow is cached itself: so each try is written in another way.
  let marks = ''
  const hit = await until('the cache to go live', async () => {
    marks += '?'
    const reply = await session.post(says(again + marks))
    return reply.headers.get('airworthy-cache') === 'semantic' ? reply : undefined
  })
  const call = await server.client.getCall(hit.headers.get('airworthy-call') ?? '')
  assert.match(JSON.stringify(call.reasons), /cache\.semantic/)
  assert.equal(hit.headers.get('airworthy-cost-nano-usd'), '0')
  const alike = ['Can I return a gift tomorrow?', 'Can I return 2 gifts?', "Can't I return a gift?"]
  for (const body of alike) assert.deepEqual(await markOf(session, says(body)), [200, 'miss'])
  await using bob = await agent.open({ endUser: 'bob' })
  assert.deepEqual(await markOf(bob, says('May I return a gift?')), [200, 'miss'])
})

test('a false hit that is found sends a live cache back into shadow', async () => {
  const agent = await cachingAgent({ semantic: { ...semantic, falseHitRateMax: '0.5' } })
  await using session = await agent.open({ endUser: 'ann' })
  for (const [first, again] of paraphrases.slice(0, 3)) {
    await session.post(says(first))
    await untilWatched(session, again)
  }
  const pairs = await until('the pairs', async () => {
    const page = await server.client.listCachePairs({ agent: agent.name })
    return page.pairs.length >= 3 ? page.pairs : undefined
  })
  const mode = { agent: agent.name, model: 'fake' } as const
  assert.equal((await server.client.setCacheMode({ ...mode, mode: 'live' })).mode, 'live')
  for (const pair of pairs) {
    const reviewed = await server.client.reviewCachePair(pair.id, { verdict: 'differ' })
    assert.equal(reviewed.verdict, 'differ')
  }
  const { standings } = await server.client.getCache({ agent: agent.name })
  assert.deepEqual([standings[0]?.mode, standings[0]?.differ], ['shadow', pairs.length])
  await assert.rejects(server.client.setCacheMode({ ...mode, mode: 'live' }), {
    code: 'cache.evidence_missing',
  })
})

test('questions are embedded by a model of the pact, as calls on record, where the manifest says so', async () => {
  made += 1
  const name = `cache-${made}`
  const base = { wire: 'openai', prices, maxOutputTokens: 1000 }
  const models = [
    {
      ...base,
      name: 'fake',
      baseUrl: upstream.base('echo', name),
      cache: { semantic: { ...semantic, embeddings: 'embedder', threshold: '0.5' } },
    },
    { ...base, name: 'embedder', baseUrl: upstream.base('embeds', name) },
  ]
  const agent = await enrol(ground, { name, more: { models } })
  await using session = await agent.open({ endUser: 'ann' })
  await session.post(says('How do I reset my password?'))
  await untilKept(name, 1)
  await untilWatched(session, 'How can I reset my password?')
  const { calls } = await session.detail()
  const done = (action: string) =>
    calls.filter((call) => call.action === action && call.state === 'done').length
  assert(done('fake') >= 2)
  assert.equal(done('embedder'), done('fake'))
})
