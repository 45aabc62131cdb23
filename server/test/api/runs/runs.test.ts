import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'
import { insertHeldCall } from '../gateway-rows.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

async function openSession(): Promise<string> {
  return (await api.client.openSession({ agent: 'desk' })).session.id
}

async function launcherKey(): Promise<string> {
  const added = await api.client.addOperator({ name: `l-${randomUUID()}`, role: 'launcher' })
  return added.key
}

test('opens a run with the policy of the pact, and what the request says otherwise', async () => {
  const sessionId = await openSession()
  const run = await api.client.openRun(sessionId, { name: 'trip', irreversibleLast: true })
  const { name, state, onFailure, onDenied, irreversibleLast } = run
  assert.deepEqual(
    { name, state, onFailure, onDenied, irreversibleLast },
    {
      name: 'trip',
      state: 'open',
      onFailure: 'compensate',
      onDenied: 'compensate',
      irreversibleLast: true,
    },
  )
  const lifeMs = Date.parse(run.expiresAt ?? '') - Date.parse(run.openedAt)
  assert.equal(lifeMs, 3_600_000)
  await assert.rejects(api.client.openRun(sessionId, { name: 'trip' }), { code: 'run.exists' })
})

test('refuses a name that is none, a session that is closed, and one that is not there', async () => {
  const sessionId = await openSession()
  for (const name of ['', 'a b', '../x', 'x'.repeat(65)]) {
    const open = api.client.openRun(sessionId, { name })
    await assert.rejects(open, { code: 'request.invalid' }, name)
  }
  await api.client.closeSession(sessionId)
  const late = api.client.openRun(sessionId, { name: 'late' })
  await assert.rejects(late, { code: 'session.closed' })
  const missing = api.client.openRun(randomUUID(), { name: 'x' })
  await assert.rejects(missing, { code: 'request.not_found' })
})

test('lists runs by session and state, page by page', async () => {
  const sessionId = await openSession()
  const made = []
  for (const name of ['a', 'b', 'c']) made.push(await api.client.openRun(sessionId, { name }))
  const first = await api.client.listRuns({ session: sessionId, limit: 2 })
  assert.deepEqual(
    first.runs.map((run) => run.id),
    made.slice(0, 2).map((run) => run.id),
  )
  const rest = await api.client.listRuns({ session: sessionId, after: first.next ?? '' })
  assert.deepEqual(
    rest.runs.map((run) => run.name),
    ['c'],
  )
  const stuck = await api.client.listRuns({ session: sessionId, state: 'stuck' })
  assert.deepEqual(stuck.runs, [])
})

test('completes a run once, and refuses to abort it then', async () => {
  const run = await api.client.openRun(await openSession(), { name: 'trip' })
  const completed = await api.client.completeRun(run.id)
  assert.equal(completed.state, 'completed')
  const { size } = await api.client.getLog()
  assert.deepEqual(await api.client.completeRun(run.id), completed)
  assert.equal((await api.client.getLog()).size, size)
  await assert.rejects(api.client.abortRun(run.id), { code: 'run.closed' })
  assert.equal((await api.client.undoRun(run.id)).state, 'compensating')
})

test('aborts a run once, and settles only one that is stuck', async () => {
  const run = await api.client.openRun(await openSession(), { name: 'trip' })
  const aborted = await api.client.abortRun(run.id)
  assert.deepEqual([aborted.state, aborted.reason], ['compensating', 'run.aborted'])
  assert.deepEqual(await api.client.abortRun(run.id), aborted)
  await assert.rejects(api.client.completeRun(run.id), { code: 'run.closed' })
  const settle = api.client.settleRun(run.id, { reason: 'no' })
  await assert.rejects(settle, { code: 'run.closed' })
})

test('previews and undoes a whole session; what waits would be cancelled', async () => {
  const { sessionId, effectId } = await insertHeldCall(api)
  const preview = await api.client.previewSession(sessionId)
  assert.equal(preview.runId, null)
  assert.deepEqual(
    preview.steps.map((step) => [step.effectId, step.verdict]),
    [[effectId, 'cancel']],
  )
  const run = await api.client.undoSession(sessionId)
  assert.deepEqual([run.name, run.state, run.reason], [null, 'compensating', 'run.undone'])
  assert.equal((await api.client.previewRun(run.id)).runId, run.id)
  assert.deepEqual((await api.client.getRun(run.id)).steps.length, 1)
})

test('undoing a session takes its open runs with it', async () => {
  const sessionId = await openSession()
  const part = await api.client.openRun(sessionId, { name: 'part' })
  const whole = await api.client.undoSession(sessionId)
  const { run } = await api.client.getRun(part.id)
  assert.deepEqual([run.state, run.parentId], ['compensating', whole.id])
})

test('does not know a run that was never opened', async () => {
  const { client } = api
  const id = randomUUID()
  const asks = [
    () => client.getRun(id),
    () => client.completeRun(id),
    () => client.abortRun(id),
    () => client.undoRun(id),
    () => client.settleRun(id, { reason: 'x' }),
    () => client.previewRun(id),
  ]
  for (const asked of asks) await assert.rejects(asked, { code: 'run.unknown', status: 404 })
})

test('a launcher opens, completes and aborts runs; undoing and settling is for operators', async () => {
  const key = await launcherKey()
  const launcher = createClient({ baseUrl: api.baseUrl, key })
  const sessionId = await openSession()
  const run = await launcher.openRun(sessionId, { name: 'trip' })
  assert.equal((await launcher.abortRun(run.id)).state, 'compensating')
  const paths = [`runs/${run.id}/undo`, `runs/${run.id}/settle`, `sessions/${sessionId}/undo`]
  for (const path of paths) {
    const answer = await ask(api, { path: `/v1/${path}`, key, body: { reason: 'x' } })
    assert.deepEqual([answer.status, answer.code], [403, 'auth.forbidden'], path)
  }
})
