import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiServer, enrolDesk, fieldOf, startApi } from '../api/api-server.ts'
import { runCli } from './run-cli.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  const scopes = `scopes: { customer_id: string, level: integer, vip: boolean }
tasks:
  lookup: { description: Looks., tools: [shop/get_order] }
  refund: { description: Refunds., tools: ['shop/*'], scopes: [customer_id] }
`
  await enrolDesk(api, (text) => `${text}\n${scopes}`)
})
after(() => api[Symbol.asyncDispose]())

function run(...args: string[]) {
  const env = { AIRWORTHY_URL: api.baseUrl, AIRWORTHY_OPERATOR_KEY: api.operatorKey }
  return runCli(args, { env })
}

const refund = ['session', 'open', 'desk', '--task', 'refund']

test('opens a session with data scopes: text, numbers and booleans', async () => {
  const scope = ['--scope', 'customer_id=17', 'level:=-2', '--scope', 'vip:=true']
  const opened = await run(...refund, ...scope, '--json')
  assert.equal(opened.exitCode, 0, opened.stderr)
  const session = fieldOf(JSON.parse(opened.stdout), 'session')
  assert.deepEqual(fieldOf(session, 'scope'), { customer_id: '17', level: -2, vip: true })
  const shown = await run('session', 'show', String(fieldOf(session, 'id')))
  assert.match(shown.stdout, /^scope +customer_id=17, level=-2, vip=true$/m)
})

test('says what is wrong with a task or a data scope, and which there are', async () => {
  const none = await run('session', 'open', 'desk')
  assert.equal(none.exitCode, 1)
  assert.match(none.stderr, /task\.unknown: .*expected one of the tasks lookup, refund/)
  const missing = await run(...refund)
  assert.match(missing.stderr, /scope\.invalid: .*customer_id: got nothing, expected a string/)
  for (const pair of ['customer_id', '=x', 'level:=1.5', 'vip:=yes']) {
    assert.equal((await run(...refund, '--scope', pair)).exitCode, 64, pair)
  }
})

test('opens and closes the writes of a session', async () => {
  const { session } = await api.client.openSession({ agent: 'desk', task: 'lookup' })
  const closed = await run('session', 'close-writes', session.id, '--reason', 'enough')
  assert.equal(closed.stdout.trim(), `${session.id} may only read`)
  assert.match((await run('session', 'show', session.id)).stdout, /^write flow +closed since /m)
  const opened = await run('session', 'open-writes', session.id)
  assert.equal(opened.stdout.trim(), `${session.id} may write`)
  assert.match(
    (await run('session', 'show', session.id)).stdout,
    /^write flow +open since .*0 writes$/m,
  )
})
