// Caches of models on every wire, through two gateways, and at the command line.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../server/test/cli/run-cli.ts'
import { agentClients, chat, type AgentClients, type ModelReply } from './harness/clients.ts'
import { enrol, quiet, startGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { prices } from './harness/manifest.ts'
import { checkRecord } from './harness/record.ts'
import { startServer, temporaryDirectory } from './harness/server.ts'
import { until } from './harness/until.ts'

const ground = await startGround()
const { upstream, server, databaseUrl } = ground
const owner = new AsyncDisposableStack()
after(async () => {
  // The gateways first: one without its database stops only after a while.
  await owner.disposeAsync()
  await quiet(ground)
  await checkRecord(server, ground.database)
  await ground[Symbol.asyncDispose]()
})
const dataDir = await temporaryDirectory(owner)
await cp(join(server.dataDir, 'master.key'), join(dataDir, 'master.key'))
const { operatorKey } = server
const second = owner.use(await startServer({ databaseUrl, dataDir, operatorKey }))

let made = 0

async function cachingAgent(cache: Json, endpoint: Json = {}): Promise<TestAgent> {
  made += 1
  const name = `replicas-${made}`
  const baseUrl = upstream.base('wires', name)
  const model = { name: 'fake', wire: 'openai', baseUrl, prices, maxOutputTokens: 1000, cache }
  return enrol(ground, { name, more: { models: [{ ...model, ...endpoint }] } })
}

function markOf(reply: ModelReply): string | null {
  assert.equal(reply.status, 200, reply.text)
  return reply.headers.get('airworthy-cache')
}

/** Asks until the reply is so marked: replies are written, and indexes follow, after a moment. */
function untilMarked(
  session: Pick<AgentClients, 'post'>,
  body: () => Json,
  mark: string,
): Promise<ModelReply> {
  return until(`a reply marked ${mark}`, async () => {
    const reply = await session.post(body())
    return markOf(reply) === mark ? reply : undefined
  })
}

const says = (content: string): Json => chat({ messages: [{ role: 'user', content }] })

/** The same words with other marks each time: what is asked in shadow is cached itself. */
function varied(content: string): () => Json {
  let marks = ''
  return () => {
    marks += '?'
    return says(content + marks)
  }
}

const bodies = {
  '/v1/messages': { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 50 },
  '/v1/responses': { input: 'Hi', max_output_tokens: 50, store: false },
} as const

for (const [apis, wire] of [
  [['chat'], 'openai'],
  [['responses'], 'openai'],
  [['messages'], 'anthropic'],
] as const) {
  test(`Messages and Responses are answered from the cache, served on ${apis.join()}`, async () => {
    const agent = await cachingAgent({}, { wire, apis })
    await using session = await agent.open({ endUser: 'ann' })
    for (const [path, body] of Object.entries(bodies)) {
      const ask = (more: Json = {}) => session.post({ model: 'fake', ...body, ...more }, { path })
      const first = await ask()
      assert.equal(markOf(first), 'miss')
      const hit = await until('a hit', async () => {
        const reply = await ask()
        return markOf(reply) === 'hit' ? reply : undefined
      })
      assert(hit.text.includes('Hello'))
      assert.equal(hit.headers.get('airworthy-cost-nano-usd'), '0')
      const streamed = await ask({ stream: true })
      assert.equal(markOf(streamed), 'hit')
      assert.match(streamed.text, /message_stop|response\.completed/)
      assert(streamed.text.includes('Hello'))
    }
    // The same words on another API are another request.
    assert.equal(markOf(await session.post(says('Hi'))), 'miss')
  })
}

test('what one gateway keeps the other gives; what is purged or erased neither does', async () => {
  const agent = await cachingAgent({ semantic: { falseHitRateMax: '0.5', sample: '0' } })
  await using session = await agent.open({ endUser: 'erika' })
  const { apiKey } = agent
  await using other = agentClients({ url: second.url, apiKey, sessionKey: session.sessionKey })
  const pairs = [
    ['How do I reset my password?', 'How can I reset my password?'],
    ['Where can I find my invoices?', 'Where do I find my bills?'],
    ['What are your opening hours?', 'what are the opening hours'],
  ] as const
  for (const [first, again] of pairs) {
    await session.post(says(first))
    await untilMarked(other, () => says(first), 'hit')
    await untilMarked(other, varied(again), 'shadow')
  }
  const mode = { agent: agent.name, model: 'fake', mode: 'live' } as const
  await until('enough evidence', async () => {
    return server.client.setCacheMode(mode).catch(() => undefined)
  })
  await session.post(says('Can I return a gift?'))
  const alike = varied('Is it possible to return a gift?')
  await untilMarked(other, alike, 'semantic')
  await server.client.purgeCache({ agent: agent.name })
  assert.equal(markOf(await other.post(alike())), 'miss')
  await session.post(says('May I keep the box?'))
  await untilMarked(other, varied('Can I keep the box?'), 'semantic')
  await server.client.requestErasure({ subject: 'erika', reason: 'asked', closeSessions: true })
  await using later = await agent.open({ endUser: 'erika' })
  await using there = agentClients({ url: second.url, apiKey, sessionKey: later.sessionKey })
  assert.equal(markOf(await there.post(says('Can I keep the box?'))), 'miss')
})

test('a cache that may goes live by itself once the evidence is enough', async () => {
  const semantic = { falseHitRateMax: '0.5', sample: '0', goLive: 'automatic' }
  const agent = await cachingAgent({ semantic })
  await using session = await agent.open({ endUser: 'ann' })
  await session.post(says('How do I reset my password?'))
  await untilMarked(session, varied('How can I reset my password?'), 'semantic')
  const { standings } = await server.client.getCache({ agent: agent.name })
  assert.equal(standings[0]?.mode, 'live')
  assert(standings[0].agree >= 2)
})

test('the command line shows caches and pairs, and empties them', async () => {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  const none = await enrol(ground)
  const empty = await runCli(['cache', 'stats', '--agent', none.name], { env })
  assert.match(empty.stderr, /Nothing is cached/)
  const unseen = await runCli(['cache', 'review', '--agent', none.name], { env })
  assert.match(unseen.stderr, /no unsure pairs/)
  const agent = await cachingAgent({ semantic: {} })
  await using session = await agent.open({ endUser: 'ann' })
  await session.post(says('How do I reset my password?'))
  await untilMarked(session, varied('How can I reset my password?'), 'shadow')
  const { pairs } = await until('the pair', async () => {
    const page = await server.client.listCachePairs({ agent: agent.name })
    return page.pairs.length > 0 ? page : undefined
  })
  const stats = await runCli(['cache', 'stats', '--agent', agent.name], { env })
  assert.equal(stats.exitCode, 0, stats.stderr)
  assert.match(stats.stdout, /AGENT +MODEL +REPLIES/)
  assert.match(stats.stdout, new RegExp(`${agent.name} +fake +shadow +[1-9]`))
  const listed = await runCli(
    ['cache', 'review', '--agent', agent.name, '--verdict', 'agree', '--json'],
    { env },
  )
  const [pair] = pairs
  assert(pair !== undefined)
  assert(JSON.stringify(at(JSON.parse(listed.stdout), 'pairs')).includes(pair.id), listed.stdout)
  const judged = await runCli(['cache', 'review', pair.id, '--differ'], { env })
  assert.match(judged.stdout, /differ/)
  const purged = await runCli(['cache', 'purge', agent.name], { env })
  assert.match(purged.stdout, /[1-9]\d* replies are gone/)
  assert.equal(markOf(await session.post(says('How do I reset my password?'))), 'miss')
})
