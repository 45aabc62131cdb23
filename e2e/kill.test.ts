// The kill switch: what is stopped is stopped on every gateway before it is said so, and a gateway
// that hears nothing stops by itself.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { test } from 'node:test'
import { createClient, type KillDetail } from '@airworthy/sdk'
import { agentClients, chat } from './harness/clients.ts'
import { toolText } from './harness/fake-tools.ts'
import { enrol, type Ground, standGround, type TestAgent } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { readEntries } from './harness/record.ts'
import { startReplica } from './harness/replica.ts'
import { type Server, startServer, temporaryDirectory } from './harness/server.ts'
import { startTcpProxy } from './harness/tcp-proxy.ts'
import { createGate, until } from './harness/until.ts'

/** While a kill is in force an MCP client hears an HTTP error, and throws it. */
function goesOn(call: Promise<{ readonly isError: boolean }>): Promise<boolean> {
  return call.then(
    ({ isError }) => !isError,
    () => false,
  )
}

const ground = await standGround()
const { tools, server, upstream } = ground
const { client } = server
/** The published bound: the lease, and what looking at it takes on a busy machine. */
const leaseBoundMs = 3_000 + 1_500

const secondOperator = await client
  .addOperator({ name: 'second', role: 'operator' })
  .then(({ key }) => createClient({ baseUrl: server.url, key }))

async function resume(kill: KillDetail): Promise<void> {
  const proposal = await client.resumeKill(kill.id, { reason: 'looked at it' })
  await secondOperator.confirmProposal(proposal.id)
}

/** The same agent, in a session of its own, at another gateway. */
async function openAt(gateway: Server, agent: TestAgent) {
  const { session, sessionKey } = await client.openSession({ agent: agent.name })
  const { apiKey } = agent
  const clients = agentClients({ url: gateway.url, apiKey, sessionKey, server: 'desk' })
  return { ...clients, id: session.id }
}

async function entriesOf(type: string, kill: KillDetail): Promise<Json[]> {
  const rows = await readEntries(ground.database)
  return rows
    .map((row) => row.entry)
    .filter((entry) => entry['type'] === type && at(entry, 'body.kill') === kill.id)
}

test('a kill cuts what is under way, refuses what comes, and others go on', async () => {
  const agent = await enrol(ground, { behaviour: 'gated-end' })
  const other = await enrol(ground)
  await using session = await agent.open()
  await using elsewhere = await other.open()
  upstream.gate(agent.name)
  const streaming = session.post(chat({ stream: true }))
  await until('the stream to begin', () => upstream.asked(agent.name).length === 1)
  const gate = createGate()
  tools.direct(session.id, 'write_order', async () => {
    await gate.passed
    return toolText('done')
  })
  const writing = session.call('write_order', { order_id: 'a' })
  await until('the tool to be asked', () => tools.calls.some((call) => call.session === session.id))
  const kill = await client.kill({ scope: 'agent', target: agent.name, reason: 'it went mad' })
  assert.deepEqual([kill.state, kill.mode, kill.gateways.length], ['acknowledged', 'freeze', 1])
  assert.equal(kill.gateways[0]?.cut, 2)
  const stream = await streaming
  assert.match(stream.text, /kill\.active/, 'the stream ends in an error of its wire')
  const written = await writing
  assert.deepEqual([written.isError, at(written.value, 'code')], [true, 'effect.unknown'])
  gate.open()
  const refused = await session.post(chat())
  assert.deepEqual([refused.status, refused.code], [403, 'kill.active'])
  assert.equal(refused.headers.get('x-should-retry'), 'false')
  assert.equal(upstream.asked(agent.name).length, 1)
  assert.equal((await elsewhere.post(chat())).status, 200)
  assert.equal((await entriesOf('kill.issued', kill)).length, 1)
  await until('the acknowledgement to be on record', async () => {
    return (await entriesOf('kill.acknowledged', kill)).length === 1
  })
  await resume(kill)
  tools.direct(session.id, 'write_order', undefined)
  await until('the agent to go on', () => goesOn(session.call('get_order', { order_id: 'b' })))
  assert.equal((await entriesOf('kill.resumed', kill)).length, 1)
})

test('a hold of what is stopped is cancelled, and its approval executes nothing', async () => {
  const rules: Json[] = [{ id: 'ask', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }]
  const agent = await enrol(ground, { rules })
  await using session = await agent.open()
  const held = await session.call('refund', { order_id: 'a', amount: 5 })
  const id = String(at(held.value, 'id'))
  const kill = await client.kill({ scope: 'session', target: session.id, reason: 'wrong task' })
  await until('the hold to be cancelled', async () => {
    return (await client.getHold(id)).state === 'cancelled'
  })
  assert.equal((await client.getKill(kill.id)).cancelledHolds, 1)
  await assert.rejects(client.approveHold(id), { code: 'hold.settled' })
  assert.equal(tools.calls.filter((call) => call.session === session.id).length, 0)
  const call = (await client.getSession(session.id)).calls[0]
  assert.deepEqual([call?.state, call?.code], ['denied', 'kill.active'])
  await resume(kill)
})

test('a tool is stopped for every agent, and its neighbours are not', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const kill = await client.kill({
    scope: 'tool',
    target: 'desk/refund',
    reason: 'the bank is down',
  })
  const refund = await session.call('refund', { order_id: 'a', amount: 1 })
  assert.deepEqual([refund.isError, at(refund.value, 'code')], [true, 'kill.active'])
  assert.equal((await session.call('get_order', { order_id: 'a' })).isError, false)
  await resume(kill)
  await until('the tool to be served again', () =>
    goesOn(session.call('refund', { order_id: 'b', amount: 1 })),
  )
})

test('only another operator ends a kill, and only once', async () => {
  const agent = await enrol(ground)
  const kill = await client.kill({ scope: 'agent', target: agent.name, reason: 'a look' })
  const proposal = await client.resumeKill(kill.id, { reason: 'fine' })
  await assert.rejects(client.confirmProposal(proposal.id), { code: 'proposal.same_person' })
  const twin = await client.resumeKill(kill.id, { reason: 'fine too' })
  await secondOperator.confirmProposal(proposal.id)
  await assert.rejects(secondOperator.confirmProposal(twin.id), { code: 'kill.not_in_force' })
  await assert.rejects(client.resumeKill(kill.id, { reason: 'x' }), { code: 'kill.not_in_force' })
  const { resumedBy, state } = await client.getKill(kill.id)
  assert.deepEqual([state, new Set(resumedBy).size], ['resumed', 2])
})

test('a freeze leaves a run as it is; an unwind takes it back', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const run = { 'airworthy/run': 'trip' }
  assert.equal((await session.call('write_order', { order_id: 'a' }, run)).isError, false)
  const undone = () =>
    tools.calls.filter((call) => call.session === session.id && call.tool === 'undo_effect').length
  const frozen = await client.kill({ scope: 'agent', target: agent.name, reason: 'stop' })
  const stateNow = async () => (await client.listRuns({ session: session.id })).runs[0]?.state
  assert.equal(await stateNow(), 'open')
  assert.equal(undone(), 0)
  const unwound = await client.kill({
    scope: 'agent',
    target: agent.name,
    mode: 'unwind',
    reason: 'take it back',
  })
  await until('the run to be taken back', async () => (await stateNow()) === 'compensated')
  assert.equal(undone(), 1)
  assert.equal((await client.getKill(unwound.id)).unwoundRuns, 1)
  await resume(frozen)
  await resume(unwound)
})

test('an incident stops the agent by its own rule, once, and again only for what is new', async () => {
  const killOn: Json[] = [{ trigger: 'incident', count: 2, withinSeconds: 600 }]
  const agent = await enrol(ground, { pact: { killOn } })
  await using session = await agent.open()
  const refused = { isError: true, content: [{ type: 'text' as const, text: 'no' }] }
  tools.direct(session.id, 'write_order', () => refused)
  const inForce = async () =>
    (await client.listKills({ state: 'in_force' })).kills.filter(
      (kill) => kill.rule === 'killOn.incident',
    )
  await session.call('write_order', { order_id: 'a' })
  await session.call('write_order', { order_id: 'b' })
  const [kill] = await until('the rule to stop it', async () => {
    const found = await inForce()
    return found.length > 0 && found
  })
  assert.deepEqual([kill?.scope, kill?.mode, kill?.issuedBy], ['agent', 'freeze', null])
  await until('its calls to be refused', async () => {
    return (await session.post(chat())).code === 'kill.active'
  })
  await resume(await client.getKill(kill?.id ?? ''))
  await until('it to go on', async () => (await session.post(chat())).status === 200)
  // Longer than the job's turn: what was looked at does not stop it again.
  await new Promise((resolve) => setTimeout(resolve, 4500))
  assert.deepEqual(await inForce(), [])
})

test('a drill stops nothing and shows how long each gateway takes', async () => {
  await using stack = new AsyncDisposableStack()
  await startReplica(ground, stack)
  const agent = await enrol(ground)
  await using session = await agent.open()
  const drill = await client.kill({ scope: 'organisation', mode: 'drill', reason: 'a drill' })
  assert.deepEqual([drill.state, drill.gateways.length], ['drilled', 2])
  for (const gateway of drill.gateways) {
    assert.equal(gateway.state, 'confirmed')
    assert(gateway.latencyMs !== null && gateway.latencyMs >= 0)
  }
  assert.equal((await session.post(chat())).status, 200)
  assert.deepEqual((await client.listKills({ state: 'in_force' })).kills, [])
})

test('a gateway that is stopped stands still when it goes on, and the kill waits for its lease only', async () => {
  await using stack = new AsyncDisposableStack()
  const replica = await startReplica(ground, stack)
  const agent = await enrol(ground, { behaviour: 'gated-end' })
  const there = await openAt(replica, agent)
  const gate = upstream.gate(agent.name)
  const streaming = there.post(chat({ stream: true })).catch(String)
  await until('the stream to begin', () => upstream.asked(agent.name).length === 1)
  process.kill(replica.pid, 'SIGSTOP')
  const began = performance.now()
  let kill: KillDetail
  // Calls that the stopped process finds when it goes on.
  let waiting: Promise<unknown>[]
  try {
    kill = await client.kill({ scope: 'organisation', reason: 'everything' })
    waiting = [there.post(chat()), there.post(chat({ stream: true }))].map((call) =>
      call.catch(String),
    )
    await new Promise((resolve) => setTimeout(resolve, 500))
  } finally {
    process.kill(replica.pid, 'SIGCONT')
  }
  assert.equal(kill.state, 'acknowledged')
  assert(performance.now() - began < leaseBoundMs, 'within the lease')
  assert.deepEqual(kill.gateways.map((each) => each.state).toSorted(), ['confirmed', 'lease_ended'])
  gate.open()
  await Promise.all([streaming, ...waiting])
  assert.equal(upstream.asked(agent.name).length, 1, 'nothing was dispatched after it')
  const late = await there.post(chat())
  assert.deepEqual([late.status, late.code], [403, 'kill.active'])
  await there[Symbol.asyncDispose]()
  await resume(kill)
})

test('a gateway that is cut off from PostgreSQL stops by itself, and goes on when it hears again', async () => {
  await using stack = new AsyncDisposableStack()
  const { hostname, port } = new URL(ground.databaseUrl)
  assert.equal(hostname, '127.0.0.1')
  const real = Number(port)
  const door = stack.use(await startTcpProxy(real))
  const cutOff = await startBehind(ground, { owner: stack, port: door.port })
  const agent = await enrol(ground)
  const there = await openAt(cutOff, agent)
  assert.equal((await there.post(chat())).status, 200)
  const asked = upstream.asked(agent.name).length
  door.cut()
  const began = performance.now()
  const kill = await client.kill({ scope: 'agent', target: agent.name, reason: 'stop' })
  assert.equal(kill.state, 'acknowledged')
  assert(performance.now() - began < leaseBoundMs, 'within the lease')
  const refused = await there.post(chat())
  assert(refused.status === 503 || refused.status === 403, `${refused.status} ${refused.text}`)
  assert.equal(upstream.asked(agent.name).length, asked)
  door.mend()
  await until('it to have heard', async () => (await there.post(chat())).code === 'kill.active')
  assert.equal(upstream.asked(agent.name).length, asked)
  await resume(kill)
  await until('it to go on', async () => (await there.post(chat())).status === 200)
  await there[Symbol.asyncDispose]()
})

async function startBehind(
  stood: Pick<Ground, 'server' | 'databaseUrl'>,
  { owner, port }: { readonly owner: AsyncDisposableStack; readonly port: number },
): Promise<Server> {
  const dataDir = await temporaryDirectory(owner)
  await cp(`${stood.server.dataDir}/master.key`, `${dataDir}/master.key`)
  const url = new URL(stood.databaseUrl)
  url.port = String(port)
  const { operatorKey } = stood.server
  return owner.use(await startServer({ databaseUrl: url.href, dataDir, operatorKey }))
}
