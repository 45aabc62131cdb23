// A gateway that dies while it takes a run back is taken over from by any other on the database.
import assert from 'node:assert/strict'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { agentClients } from './harness/clients.ts'
import { behave } from './harness/fake-tools.ts'
import { enrol, type Ground, startGround } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { checkRecord } from './harness/record.ts'
import { startServer, temporaryDirectory, type Server } from './harness/server.ts'
import { createGate, until } from './harness/until.ts'

const run = { 'airworthy/run': 'trip' }

async function startReplica(owner: AsyncDisposableStack, ground: Ground): Promise<Server> {
  const { server: of, databaseUrl } = ground
  const dataDir = await temporaryDirectory(owner)
  await mkdir(dataDir, { recursive: true })
  await cp(join(of.dataDir, 'master.key'), join(dataDir, 'master.key'))
  return owner.use(await startServer({ databaseUrl, dataDir, operatorKey: of.operatorKey }))
}

for (const place of ['before', 'after'] as const) {
  test(`a gateway killed ${place} the effect of an undo leaves nothing undone twice, or not at all`, async () => {
    await using ground = await startGround()
    await using owner = new AsyncDisposableStack()
    const { server, tools, database } = ground
    const agent = await enrol(ground, { toolTimeoutMs: 1500 })
    await using session = await agent.open()
    for (const order of ['a', 'b', 'c']) await session.call('write_order', { order_id: order }, run)
    const gate = createGate()
    const undos = new Map<string, number>()
    let isFirst = true
    tools.direct(session.id, 'undo_effect', async (call) => {
      const mustWait = isFirst
      isFirst = false
      const execute = () => {
        const before = tools.journal.length
        const result = behave(tools.journal, call)
        const key = String(call.args['key'])
        const removed = before - tools.journal.length
        undos.set(key, (undos.get(key) ?? 0) + removed)
        return result
      }
      if (mustWait && place === 'before') await gate.passed
      const result = execute()
      if (mustWait && place === 'after') await gate.passed
      return result
    })
    const { client } = server
    const { runs } = await client.listRuns({ session: session.id })
    const id = runs[0]?.id ?? ''
    await client.abortRun(id)
    await until('the first undo to be under way', () => !isFirst)
    // The other one comes when the first is at work already, so it is the first that dies of it.
    const second = await startReplica(owner, ground)
    await server.kill()
    gate.open()
    await until(
      'the other gateway to end it',
      async () => (await second.client.getRun(id)).run.state === 'compensated',
      60_000,
    )
    assert.deepEqual([...undos.values()], [1, 1, 1])
    assert.equal(tools.journal.filter((call) => call.session === session.id).length, 0)
    await checkRecord(second, database)
  })
}

test('writes that race an abort over two gateways are undone, or refused: none is left', async () => {
  await using ground = await startGround()
  await using owner = new AsyncDisposableStack()
  const { server, tools, database } = ground
  const agent = await enrol(ground)
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'first' }, run)
  const second = await startReplica(owner, ground)
  const { apiKey } = agent
  const elsewhere = agentClients({ url: second.url, apiKey, sessionKey: session.sessionKey })
  owner.use(elsewhere)
  const { runs } = await server.client.listRuns({ session: session.id })
  const id = runs[0]?.id ?? ''
  const writing = Array.from({ length: 24 }, (_, index) => {
    const clients = index % 2 === 0 ? session : elsewhere
    return clients.call('write_order', { order_id: `o${index}` }, run)
  })
  const half = await Promise.race(writing)
  assert.equal(half.isError, false)
  const aborted = await server.client.abortRun(id)
  assert.equal(aborted.state, 'compensating')
  // From that answer on no gateway places a call of the run.
  const late = await elsewhere.call('write_order', { order_id: 'late' }, run)
  assert.equal(at(late.value, 'code'), 'run.closed')
  const codes = (await Promise.all(writing)).map((reply) => at(reply.value, 'code') ?? 'done')
  assert.deepEqual(
    codes.filter((code) => code !== 'done' && code !== 'run.closed'),
    [],
  )
  const { steps } = await until('the run to be undone', async () => {
    const detail = await server.client.getRun(id)
    return detail.run.state === 'compensated' && detail
  })
  assert.equal(steps.length, 1 + codes.filter((code) => code === 'done').length)
  assert.equal(tools.journal.filter((call) => call.session === session.id).length, 0)
  await checkRecord(server, database)
})
