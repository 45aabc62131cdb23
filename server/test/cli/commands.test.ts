import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ApiServer, enrolDesk, fieldOf, manifestText, startApi } from '../api/api-server.ts'
import { insertHeldCall } from '../api/gateway-rows.ts'
import { runCli } from './run-cli.ts'

let api: ApiServer
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airworthy-cli-'))
  api = await startApi((db) => ({
    payloads: { open: async () => Buffer.from('{"order_id":"#W1\\u001b[31m"}') },
    holds: {
      edit: () => Promise.reject(new Error('none')),
      decide: async ({ holdId }) => {
        await db
          .updateTable('airworthy.holds')
          .set({ state: 'approved', decided_at: new Date() })
          .where('hold_id', '=', holdId)
          .execute()
      },
    },
  }))
})
after(async () => {
  await api[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function run(...args: string[]) {
  const env = { AIRWORTHY_URL: api.baseUrl, AIRWORTHY_OPERATOR_KEY: api.operatorKey }
  return runCli(args, { env, cwd: folder })
}

async function runJson(...args: string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await run(...args, '--json')
  assert.equal(exitCode, 0, stderr)
  return JSON.parse(stdout)
}

async function writeManifest(change?: (text: string) => string): Promise<string> {
  const file = join(folder, 'agent.yaml')
  await writeFile(file, manifestText(change))
  return file
}

test('helps, and ends with 64 when it was called in a wrong way', async () => {
  const help = await run('--help')
  assert.equal(help.exitCode, 0)
  assert.match(help.stdout, /agent {2,}enrol agents/)
  for (const args of [
    ['fly'],
    ['agent', 'fly'],
    ['agent', 'show'],
    ['hold', 'list', '--state', 'x'],
  ]) {
    assert.equal((await run(...args)).exitCode, 64, args.join(' '))
  }
})

test('enrols an agent, and shows its key once', async () => {
  const file = await writeManifest()
  const first = await run('agent', 'enrol', '-f', file)
  assert.equal(first.exitCode, 0, first.stderr)
  assert.match(first.stdout, /^agent +desk \(new\)/m)
  assert.match(first.stdout, /^api key +awk_[\w-]{43}$/m)
  const second = await run('agent', 'enrol', '-f', file)
  assert.match(second.stdout, /^version +1 \(unchanged\)$/m)
  assert.ok(!second.stdout.includes('awk_'))
  assert.match((await run('agent', 'list')).stdout, /^desk +1 +1 +medium/m)
  assert.match((await run('agent', 'show', 'desk')).stdout, /^calls +1000 /m)
})

test('prints every problem of a manifest with its place, and ends with 1', async () => {
  const file = await writeManifest((text) => text.replace('medium', 'huge').replace('50', 'x'))
  const { exitCode, stderr, stdout } = await run('agent', 'enrol', '-f', file)
  assert.equal(exitCode, 1)
  assert.equal(stdout, '')
  assert.match(
    stderr,
    /agent\.yaml:2:\d+ agent\.stakes: got "huge", expected low or medium or high/,
  )
  assert.match(stderr, /agent\.yaml:17:\d+ limits\.session\.calls: got "x", expected an integer/)
  assert.match(stderr, /airworthy: manifest\.invalid: the manifest has 2 problems/)
  const json = await run('agent', 'enrol', '-f', file, '--json')
  const error = fieldOf(JSON.parse(json.stdout), 'error')
  assert.equal(fieldOf(error, 'code'), 'manifest.invalid')
  assert.equal((await run('agent', 'enrol', '-f', join(folder, 'none.yaml'))).exitCode, 64)
})

test('opens, lists, shows and closes a session', async () => {
  await enrolDesk(api)
  const opened = await runJson('session', 'open', 'desk', '--task', 'help', '--calls', '3')
  const id = String(fieldOf(fieldOf(opened, 'session'), 'id'))
  assert.match((await run('session', 'list')).stdout, new RegExp(`^${id} +desk +open`, 'm'))
  assert.match((await run('session', 'show', id)).stdout, /budget of calls: 0 of 3 settled/)
  assert.match((await run('session', 'close', id)).stdout, /is closed/)
  assert.equal((await run('session', 'open', 'desk', '--calls', '-1')).exitCode, 64)
  assert.equal((await run('session', 'open', 'nobody')).exitCode, 1)
})

test('lists a hold with action, amount, effect, why and until; and approves it', async () => {
  const { holdId } = await insertHeldCall(api)
  const list = await run('hold', 'list')
  const row = new RegExp(
    `^${holdId} +desk +shop/cancel_order +250.50 USD +irreversible +above 200 USD +pending +\\d{4}-`,
    'm',
  )
  assert.match(list.stdout, row)
  const shown = await run('hold', 'show', holdId)
  assert.match(shown.stdout, /arguments +\{"order_id":"#W1/)
  const approved = await run('hold', 'approve', holdId, '--reason', 'fine')
  assert.match(approved.stdout, new RegExp(`^hold +${holdId} approved`, 'm'))
})

test("keeps the words of agents from moving the operator's cursor", async () => {
  const { sessionId } = await insertHeldCall(api)
  await api.db
    .updateTable('airworthy.sessions')
    .set({ task: '\u001b[2Jwiped\u202eback' })
    .where('session_id', '=', sessionId)
    .execute()
  for (const args of [
    ['session', 'list'],
    ['session', 'show', sessionId],
  ]) {
    const { stdout } = await run(...args)
    assert.ok(stdout.includes('wiped'))
    assert.ok(!stdout.includes('\u001b') && !stdout.includes('\u202e'))
  }
})

test('shows and undoes calls, and settles what is unknown', async () => {
  const { callId, effectId } = await insertHeldCall(api, { effectState: 'unknown' })
  assert.match((await run('call', 'show', callId)).stdout, /^rule big: hold, above 200 USD$/m)
  assert.match((await run('call', 'receipt', callId)).stdout, /^outcome +none yet$/m)
  assert.equal((await run('call', 'undo', callId)).exitCode, 0)
  const unknown = await runJson('effect', 'list', '--unknown')
  assert.ok(JSON.stringify(unknown).includes(effectId))
  const resolve = ['effect', 'resolve', effectId]
  assert.equal((await run(...resolve, '--outcome', 'done')).exitCode, 64)
  const resolved = await run(...resolve, '--outcome', 'done', '--reason', 'asked')
  assert.equal(resolved.exitCode, 0, resolved.stderr)
})

test('adds a launcher, whose key opens sessions', async () => {
  await enrolDesk(api)
  const added = await runJson('operator', 'add', 'cron', '--role', 'launcher')
  const key = String(fieldOf(added, 'key'))
  const env = { AIRWORTHY_URL: api.baseUrl, AIRWORTHY_OPERATOR_KEY: key }
  assert.equal((await runCli(['session', 'open', 'desk'], { env })).exitCode, 0)
  assert.equal((await runCli(['hold', 'list'], { env })).exitCode, 77)
})

test('ends with 77 when the key is refused, and with 75 when no server answers', async () => {
  const wrong = { AIRWORTHY_URL: api.baseUrl, AIRWORTHY_OPERATOR_KEY: `awo_${'A'.repeat(43)}` }
  const refused = await runCli(['agent', 'list'], { env: wrong })
  assert.equal(refused.exitCode, 77)
  assert.match(refused.stderr, /^airworthy: auth\.unknown_key: /m)
  const none = await runCli(['agent', 'list'], { env: { AIRWORTHY_URL: api.baseUrl }, cwd: folder })
  assert.equal(none.exitCode, 77)
  assert.match(none.stderr, /client\.no_key/)
  const args = ['agent', 'list', '--url', 'http://127.0.0.1:1']
  const away = await run(...args)
  assert.equal(away.exitCode, 75)
  assert.match(away.stderr, /client\.unreachable/)
})
