// `airworthy channel`, as people and scripts run it.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import { type ApiServer, startApi } from '../api/api-server.ts'
import { type HttpReceiver, startHttpReceiver } from '../channels/http-receiver.ts'
import { runCli } from './run-cli.ts'

let api: ApiServer
let receiver: HttpReceiver
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airworthy-cli-'))
  api = await startApi()
  receiver = await startHttpReceiver()
})
after(async () => {
  await receiver[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function run(...args: string[]) {
  const env = { AIRWORTHY_URL: api.baseUrl, AIRWORTHY_OPERATOR_KEY: api.operatorKey }
  return runCli(['channel', ...args], { env, cwd: folder })
}

test('a secret is taken from a variable or a file, never from the command line', async () => {
  const to = ['add', 'hook', 'webhook', '--to', receiver.url]
  const refused = await run(...to, '--secret', 'whsec_abc')
  assert.equal(refused.exitCode, 64)
  assert.match(refused.stderr, /--secret takes env:NAME/)
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`
  await writeFile(join(folder, 'secret'), `${secret}\n`)
  const added = await run(...to, '--secret-file', 'secret')
  assert.equal(added.exitCode, 0, added.stderr)
  assert.ok(!added.stdout.includes(secret))
  const rotated = await run('rotate', 'hook')
  assert.match(rotated.stdout, /^secret +whsec_/m)
  assert.ok(!(await run('show', 'hook')).stdout.includes('whsec_'))
})

test('a test that fails ends with 1, one that arrives with 0', async () => {
  receiver.answer((_, response) => void response.writeHead(500).end('no'))
  const failed = await run('test', 'hook')
  assert.deepEqual([failed.exitCode, failed.stdout], [1, 'hook  the receiver answered 500: no\n'])
  receiver.answer((_, response) => void response.writeHead(204).end())
  assert.match((await run('test', 'hook')).stdout, /^hook {2}taken after \d+ ms$/m)
  assert.match((await run('remove', 'hook')).stdout, /hook is removed/)
  assert.equal((await run('remove', 'hook')).exitCode, 1)
})

test('a channel is edited, and doctor tells what nobody got lately', async () => {
  await run('add', 'ops', 'webhook', '--to', receiver.url, '--hide-amount')
  const edited = await run(
    'edit',
    'ops',
    '--name',
    'duty',
    '--kinds',
    'kill.issued',
    '--show-amount',
  )
  assert.equal(edited.exitCode, 0, edited.stderr)
  assert.match(edited.stdout, /^channel +duty$/m)
  assert.match(edited.stdout, /^sends +kill\.issued$/m)
  assert.match(edited.stdout, /^amounts +shown$/m)
  const json = await run('edit', 'duty', '--agents', '', '--min-stakes', 'high', '--json')
  assert.deepEqual(
    [JSON.parse(json.stdout).agents, JSON.parse(json.stdout).stakesMin],
    [[], 'high'],
  )
  assert.equal((await run('edit', 'duty')).exitCode, 64)
  const both = await run('edit', 'duty', '--hide-amount', '--show-amount')
  assert.match(both.stderr, /exclude each other/)
  const doctor = async () => {
    const env = { AIRWORTHY_URL: api.baseUrl, AIRWORTHY_OPERATOR_KEY: api.operatorKey }
    return (await runCli(['doctor', '--data', folder], { env, cwd: folder })).stdout
  }
  assert.match(await doctor(), /^ok +channels /m)
  const { id } = await api.client.getChannel('duty')
  for (const days of [1, 8]) {
    await sql`INSERT INTO airworthy.deliveries (organisation_id, delivery_id, channel_id, recipient,
        notice_id, kind, subject_id, detail, noticed_at, state, ended_at)
      VALUES (${api.organisationId}, gen_random_uuid(), ${id}, '', gen_random_uuid(), 'hold.opened',
        gen_random_uuid(), '{}', now(), 'dead', now() - make_interval(days => ${days}))`.execute(
      api.db,
    )
  }
  assert.match(await doctor(), /^warn +channels +messages .*: 1 of duty$/m)
  await run('remove', 'duty')
  assert.match(await doctor(), /^ok +channels /m)
})

test('what does not belong to the kind, or is missing, is said', async () => {
  const cases: [string[], RegExp][] = [
    [['add', 'x', 'pager', '--to', 'y'], /pager/],
    [['add', 'x', 'slack'], /needs --to or --to-file/],
    [['add', 'x', 'slack', '--to', receiver.url, '--smtp', 'a'], /--smtp is not for/],
    [['add', 'x', 'teams', '--to', receiver.url, '--secret', 'env:A'], /--secret is not for/],
    [['add', 'x', 'email', '--to', 'a@b.example'], /needs --smtp, --from and --to/],
    [['add', 'x', 'slack', '--to', receiver.url, '--to-file', 'f'], /exclude each other/],
    [['add', 'x', 'slack', '--to', receiver.url, '--kinds', 'hold.opened,y'], /"y" is none of/],
    [['deliveries', '--limit', 'many'], /whole number/],
  ]
  for (const [args, words] of cases) {
    const { exitCode, stderr } = await run(...args)
    assert.equal(exitCode, 64, args.join(' '))
    assert.match(stderr, words)
  }
})
