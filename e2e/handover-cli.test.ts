// `airworthy handover` as an operator uses it, and what an erasure leaves of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../server/test/cli/run-cli.ts'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server, tools } = ground
const { client } = server

function airworthy(...args: string[]) {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  return runCli(args, { env })
}

test('hand-over, list, take, show, say, call and give-back', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open({ task: 'orders', endUser: 'Mia' })
  await session.post(chat())
  await session.call('write_order', { order_id: 'a' })
  const unsaid = await airworthy('session', 'hand-over', session.id)
  assert.equal(unsaid.exitCode, 64, 'why is asked for')
  const handed = await airworthy('session', 'hand-over', session.id, '--reason', 'odd', '--json')
  const id = String(at(JSON.parse(handed.stdout), 'id'))
  assert.match((await airworthy('handover', 'list')).stdout, new RegExp(`${id} .*orders .*open`))
  assert.match((await airworthy('session', 'list', '--state', 'handed_over')).stdout, /handed_over/)
  const untaken = await airworthy('handover', 'give-back', id)
  assert.equal(untaken.exitCode, 1)
  assert.match(untaken.stderr, /handover\.not_taken/)
  assert.match((await airworthy('handover', 'take', id)).stdout, /taken/)
  await airworthy('handover', 'say', id, 'I look into it.', '--to', 'user')
  const call = ['handover', 'call', id, 'desk/write_order', '--args']
  const called = await airworthy(...call, '{"order_id":"b"}')
  assert.equal(called.exitCode, 0, called.stderr)
  assert.match(called.stdout, /decision +allow/)
  assert.equal((await airworthy(...call, '[]')).exitCode, 64)
  const wrong = await airworthy(...call, '{"other":1}')
  assert.equal(wrong.exitCode, 1, 'what the pact refuses is no success')
  assert.match(wrong.stdout, /tool\.arguments_invalid/)
  const { stdout } = await airworthy('handover', 'show', id)
  assert.match(stdout, /task +orders/)
  assert.match(stdout, /model fake done\n {2}user: Hi\n {2}assistant: Hello/)
  assert.match(
    stdout,
    /tool desk\/write_order done by operator .*\n {2}arguments: \{"order_id":"b"\}/,
  )
  assert.match(stdout, /message to the user .*\n {2}operator: I look into it\./)
  const brief = await airworthy('handover', 'show', id, '--no-transcript', '--json')
  const detail: unknown = JSON.parse(brief.stdout)
  assert.deepEqual([at(detail, 'messages'), at(detail, 'transcript')], [1, undefined])
  assert.match((await airworthy('handover', 'give-back', id)).stdout, /returned/)
  assert.match((await airworthy('handover', 'list')).stdout, /No session waits for a person/)
  assert.equal(tools.journal.filter((each) => each.session === session.id).length, 2)
})

test('close ends the session with the handover, and closing the session ends the handover', async () => {
  const agent = await enrol(ground)
  await using one = await agent.open()
  await using other = await agent.open()
  const first = await client.handOverSession(one.id, { reason: 'odd' })
  await client.takeHandover(first.id)
  assert.match((await airworthy('handover', 'close', first.id)).stdout, /is closed/)
  assert.equal((await client.getSession(one.id)).session.state, 'closed')
  const second = await client.handOverSession(other.id, { reason: 'odd' })
  await client.closeSession(other.id)
  assert.equal((await client.getHandover(second.id)).handover.state, 'closed')
  await assert.rejects(client.takeHandover(second.id), { code: 'handover.settled' })
  await assert.rejects(client.handOverSession(other.id, { reason: 'x' }), {
    code: 'session.closed',
  })
})

test('an erasure closes what is handed over, and nobody reads the words any more', async () => {
  const agent = await enrol(ground)
  const endUser = 'erased-mia'
  await using session = await agent.open({ endUser })
  await session.post(chat())
  const { id } = await client.handOverSession(session.id, { reason: 'odd' })
  await client.takeHandover(id)
  await client.sayInStead(id, { to: 'user', text: 'Dear Mia' })
  const reason = 'asked for it'
  await assert.rejects(client.requestErasure({ subject: endUser, reason }), {
    code: 'erasure.in_use',
  })
  await client.requestErasure({ subject: endUser, reason, closeSessions: true })
  assert.equal((await client.getHandover(id)).handover.state, 'closed')
  await until('the words to be forgotten', async () => {
    const { steps } = await client.readTranscript(id)
    return steps.every((step) => step.said.length === 0)
  })
  assert(!JSON.stringify(await client.getHandover(id)).includes(endUser))
})
