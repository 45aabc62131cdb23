// What a kill of each scope stops and leaves, what rules of a pact issue by themselves, and what is
// so when a kill ends after the world around it has changed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, type Kill, type KillDetail } from '@airworthy/sdk'
import { agentClients, chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { startHttpTools } from './harness/http-tools.ts'
import { at, type Json } from './harness/json.ts'
import { connectNew } from './harness/mcp-clients.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { tools, server, upstream, database } = ground
const { client } = server
const run = { 'airworthy/run': 'trip' }

const secondOperator = await client
  .addOperator({ name: 'second', role: 'operator' })
  .then(({ key }) => createClient({ baseUrl: server.url, key }))

async function resume(kill: Pick<KillDetail, 'id'>): Promise<void> {
  const proposal = await client.resumeKill(kill.id, { reason: 'looked at it' })
  await secondOperator.confirmProposal(proposal.id)
}

function callsOf(session: string): number {
  return tools.calls.filter((call) => call.session === session).length
}

async function inForceBy(rule: string): Promise<Kill[]> {
  const { kills } = await client.listKills({ state: 'in_force' })
  return kills.filter((kill) => kill.rule === rule)
}

test('keys that a kill revokes stay revoked when it is over; others do not suffer', async () => {
  const agent = await enrol(ground)
  const other = await enrol(ground)
  await using session = await agent.open()
  await using elsewhere = await other.open()
  const revoking = { reason: 'the key leaked', revokeKeys: true } as const
  const kill = await client.kill({ scope: 'agent', target: agent.name, ...revoking })
  await until('the keys to be revoked', async () => {
    return (await client.getAgent(agent.name)).keys.every((key) => key.revokedAt !== null)
  })
  await resume(kill)
  await until(
    'the kill to be over',
    async () => (await session.post(chat())).code !== 'kill.active',
  )
  assert.equal((await session.post(chat())).status, 401)
  assert.equal((await elsewhere.post(chat())).status, 200)
  for (const scope of ['tool', 'session'] as const) {
    const target = scope === 'tool' ? 'desk/refund' : session.id
    await assert.rejects(client.kill({ scope, target, ...revoking }), { code: 'request.invalid' })
  }
})

test('a version is stopped in all its sessions, and the version after it goes on', async () => {
  const agent = await enrol(ground)
  await using old = await agent.open()
  await enrol(ground, { name: agent.name, upstreamModel: 'newer' })
  const opened = await client.openSession({ agent: agent.name })
  const { apiKey } = agent
  const { sessionKey } = opened
  await using next = agentClients({ url: server.url, apiKey, sessionKey, server: 'desk' })
  const target = `${agent.name}:1`
  for (const wrong of [`${agent.name}:9`, `${agent.name}:1e0`, `${agent.name}: 1`, agent.name]) {
    const asked = client.kill({ scope: 'version', target: wrong, reason: 'x' })
    await assert.rejects(asked, { code: 'request.not_found' }, wrong)
  }
  const kill = await client.kill({ scope: 'version', target, reason: 'the old prompt' })
  const refused = await old.post(chat())
  assert.deepEqual([refused.status, refused.code], [403, 'kill.active'])
  const reply = await next.post(chat())
  assert.equal(reply.status, 200, reply.text)
  await resume(kill)
  await until('it to go on', async () => (await old.post(chat())).status === 200)
})

test('a kill that ends leaves another in force, also after a new version and a new session', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const all = await client.kill({ scope: 'agent', target: agent.name, reason: 'stop' })
  const proposal = await client.resumeKill(all.id, { reason: 'mended' })
  // What is stopped changes between the proposal and its confirmation.
  await enrol(ground, { name: agent.name, upstreamModel: 'mended' })
  const opened = await client.openSession({ agent: agent.name })
  const { apiKey } = agent
  const { sessionKey } = opened
  await using later = agentClients({ url: server.url, apiKey, sessionKey, server: 'desk' })
  assert.equal((await later.post(chat())).code, 'kill.active', 'the agent, whatever its version')
  const one = { scope: 'session', target: session.id, reason: 'and this' } as const
  const narrow = await client.kill(one)
  await secondOperator.confirmProposal(proposal.id)
  await until('the agent to go on', async () => (await later.post(chat())).status === 200)
  assert.equal((await session.post(chat())).code, 'kill.active')
  await resume(narrow)
  await until('the session too', async () => (await session.post(chat())).status === 200)
})

test('a run that is being completed waits for a tool that is stopped', async () => {
  const agent = await enrol(ground, { runs: { irreversibleLast: true } })
  await using session = await agent.open()
  await session.call('notify', { note: 'sent' }, run)
  const [open] = (await client.listRuns({ session: session.id })).runs
  const kill = await client.kill({ scope: 'tool', target: 'desk/notify', reason: 'the relay' })
  await client.completeRun(open?.id ?? '')
  // Longer than the driver's turn.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  const stateNow = async () => (await client.listRuns({ session: session.id })).runs[0]?.state
  assert.equal(await stateNow(), 'completing')
  assert.equal(callsOf(session.id), 0)
  await resume(kill)
  await until('the run to be completed', async () => (await stateNow()) === 'completed')
  assert.equal(callsOf(session.id), 1, 'with all that it had put off')
})

test('calls that a kill refuses are not held against the agent', async () => {
  const rules: Json[] = [
    { id: 'tries', effect: 'deny', tools: ['desk/get_order'], when: 'session.denied > 0' },
  ]
  const agent = await enrol(ground, { rules })
  await using session = await agent.open()
  const kill = await client.kill({ scope: 'tool', target: 'desk/get_order', reason: 'a leak' })
  const order = { order_id: 'a' }
  for (let tries = 0; tries < 3; tries += 1) await session.call('get_order', order)
  await resume(kill)
  const end = await until('the tool to be served again', async () => {
    const { value, isError } = await session.call('get_order', order)
    return (!isError || at(value, 'code') !== 'kill.active') && { value, isError }
  })
  assert.equal(end.isError, false, JSON.stringify(end.value))
})

test('a kill of a tool leaves the holds of a model whose name looks like one', async () => {
  const rules: Json[] = [{ id: 'ask', effect: 'hold', models: ['desk/m'], reason: 'ask' }]
  const agent = await enrol(ground, { rules, model: { name: 'desk/m' } })
  await using session = await agent.open()
  const held = await session.post(chat({ model: 'desk/m' }))
  assert.equal(held.code, 'call.held', held.text)
  const kill = await client.kill({ scope: 'tool', target: 'desk/*', reason: 'the desk' })
  await until('it to be done', async () => (await client.getKill(kill.id)).finishedAt !== null)
  const [hold] = (await client.listHolds({ state: 'pending' })).holds
  assert.equal(hold?.agent, agent.name)
  await resume(kill)
})

test('an anomaly stops the session that it was seen in', async () => {
  const agent = await enrol(ground, {
    pact: {
      escalation: { anomaly: { measures: ['calls'], atLeast: { calls: 3 } } },
      killOn: [{ trigger: 'anomaly', scope: 'session' }],
    },
  })
  const hour = Math.floor(Date.now() / 3_600_000) - 1
  const watch = { hour, hours: 30, means: [2, 1], variances: [0, 0] }
  await database.query(
    `INSERT INTO airworthy.agent_watches (organisation_id, agent_id, watch, changed_at)
    SELECT organisation_id, agent_id, $2, now() FROM airworthy.agents WHERE name = $1`,
    [agent.name, JSON.stringify(watch)],
  )
  await using session = await agent.open()
  await using calm = await agent.open()
  for (let order = 0; order < 5; order += 1) {
    await session.call('write_order', { order_id: String(order) })
  }
  const [kill] = await until('the rule to stop it', async () => {
    const found = await inForceBy('killOn.anomaly')
    return found.length > 0 && found
  })
  assert.deepEqual([kill?.scope, kill?.target], ['session', session.id])
  await until('its calls to be refused', async () => {
    return (await session.post(chat())).code === 'kill.active'
  })
  assert.equal((await calm.post(chat())).status, 200)
  await resume({ id: kill?.id ?? '' })
})

test('a budget that is used up stops the agent that used it up, and once', async () => {
  const agent = await enrol(ground, { pact: { killOn: [{ trigger: 'budget' }] } })
  const other = await enrol(ground)
  await using session = await agent.open()
  await using elsewhere = await other.open()
  await client.setBudget('of-one', {
    scope: 'agent',
    subject: agent.name,
    window: { kind: 'rolling', seconds: 86_400 },
    limits: { calls: 2 },
  })
  for (let calls = 0; calls < 2; calls += 1) await session.post(chat())
  const [kill] = await until('the rule to stop it', async () => {
    const found = await inForceBy('killOn.budget')
    return found.length > 0 && found
  })
  assert.deepEqual([kill?.scope, kill?.mode], ['agent', 'freeze'])
  await until('its calls to be refused', async () => {
    return (await session.post(chat())).code === 'kill.active'
  })
  assert.equal((await elsewhere.post(chat())).status, 200)
  const asked = upstream.asked(agent.name).length
  await client.removeBudget('of-one')
  await resume({ id: kill?.id ?? '' })
  await until('it to go on', async () => (await session.post(chat())).status === 200)
  assert.equal(upstream.asked(agent.name).length, asked + 1)
  // Longer than the job's turn: the same cause does not stop it again.
  await new Promise((resolve) => setTimeout(resolve, 4500))
  assert.deepEqual(await inForceBy('killOn.budget'), [])
})

test('a kill of a tool that nobody has enrolled is in force, and says so', async () => {
  await enrol(ground)
  const known = [
    ['desk/refund', true],
    ['desk/*', true],
    ['desk/refnd', false],
    ['des/*', false],
  ] as const
  for (const [target, isKnown] of known) {
    const kill = await client.kill({ scope: 'tool', target, reason: 'a name' })
    assert.deepEqual([kill.state, kill.isTargetKnown], ['acknowledged', isKnown], target)
    await resume(kill)
  }
})

test('a server that is stopped is not asked for its lists either, which take what an agent says', async () => {
  await using owner = new AsyncDisposableStack()
  const notes = owner.use(await startHttpTools({ legacy: true }))
  const url = new URL(notes.url).href
  const agent = await enrol(ground, {
    toolServers: {
      notes: { transport: 'http', url, timeoutMs: 20_000, resources: ['note://open/*'] },
    },
    tools: {
      'notes/resources.read': { effect: 'read' },
      'notes/resources.subscribe': { effect: 'read' },
    },
    permissions: [{ id: 'all', effect: 'allow', tools: ['notes/*'] }],
  })
  const session = await agent.open({}, 'notes')
  const door = { url: `${server.url}/s/${session.sessionKey}/mcp/notes`, apiKey: agent.apiKey }
  await using reader = await connectNew(door)
  assert((await reader.listResources()).length > 0)
  const kill = await client.kill({ scope: 'tool', target: 'notes/*', reason: 'a leak' })
  await assert.rejects(reader.listResources(), /kill\.active|stopped/)
  await resume(kill)
  await until('it to be listed again', () =>
    reader.listResources().then(
      () => true,
      () => false,
    ),
  )
})
