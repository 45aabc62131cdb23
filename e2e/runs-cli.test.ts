// `airworthy run` as an operator uses it, against the real server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCli } from '../server/test/cli/run-cli.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at } from './harness/json.ts'

const ground = await standGround()
const { server, tools } = ground
const { client } = server

function airworthy(...args: string[]) {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  return runCli(args, { env })
}

function inWorld(session: TestSession): number {
  return tools.journal.filter((call) => call.session === session.id).length
}

test('run undo shows the blast radius, asks for a yes, and tells what could not be undone', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await session.call('refund', { order_id: 'a', amount: 12.5 })
  await session.call('notify', { note: 'sent' })
  const preview = await airworthy('run', 'undo', session.id, '--preview')
  assert.equal(preview.exitCode, 0)
  assert.match(preview.stdout, /1 .*desk\/notify .*CANNOT/)
  assert.match(preview.stdout, /2 .*desk\/refund .*12\.50 USD .*undo/)
  assert.match(preview.stdout, /money: 12\.50 USD undone/)
  const unasked = await airworthy('run', 'undo', session.id)
  assert.equal(unasked.exitCode, 64, 'without a terminal it must be told --yes')
  assert.equal(inWorld(session), 2)
  const undone = await airworthy('run', 'undo', session.id, '--yes')
  assert.equal(undone.exitCode, 2, 'a run that is stuck fails the gate')
  assert.match(undone.stdout, /1 step could not be undone/)
  assert.equal(inWorld(session), 1)
  const { runs } = await client.listRuns({ session: session.id, state: 'stuck' })
  const id = runs[0]?.id ?? ''
  const settled = await airworthy('run', 'settle', id, '--reason', 'told them', '--json')
  assert.equal(at(JSON.parse(settled.stdout), 'state'), 'settled')
})

test('run open, list, show, complete and abort', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const opened = await airworthy(
    'run',
    'open',
    session.id,
    'trip',
    '--on-failure',
    'keep',
    '--json',
  )
  const id = String(at(JSON.parse(opened.stdout), 'id'))
  await session.call('write_order', { order_id: 'a' }, { 'airworthy/run': 'trip' })
  const listed = await airworthy('run', 'list', '--session', session.id)
  assert.match(listed.stdout, new RegExp(`${id} .*trip .*open`))
  const shown = await airworthy('run', 'show', id, '--json')
  assert.equal(at(JSON.parse(shown.stdout), 'steps.0.state'), 'done')
  const completed = await airworthy('run', 'complete', id)
  assert.equal(completed.exitCode, 0)
  assert.match(completed.stdout, /state +completed/)
  const refused = await airworthy('run', 'abort', id)
  assert.deepEqual([refused.exitCode, inWorld(session)], [1, 1])
  assert.match(refused.stderr, /run\.closed/)
  const undone = await airworthy('run', 'undo', id, '--yes', '--json')
  assert.equal(at(JSON.parse(undone.stdout), 'run.state'), 'compensated')
  assert.equal(inWorld(session), 0)
})

test('an id that is neither a run nor a session is refused', async () => {
  const missing = await airworthy(
    'run',
    'undo',
    '01a20193-5653-73cc-913c-7366544a96b0',
    '--preview',
  )
  assert.equal(missing.exitCode, 1)
  assert.match(missing.stderr, /request\.not_found/)
})
