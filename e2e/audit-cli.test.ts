// `airworthy audit` as an auditor uses it, against the real server.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../server/test/cli/run-cli.ts'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { server } = ground
const { client } = server
const directory = await mkdtemp(join(tmpdir(), 'airworthy-audit-'))
after(() => rm(directory, { recursive: true, force: true }))

function airworthy(...args: string[]) {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  return runCli(args, { env, cwd: directory })
}

async function publishedKey(): Promise<string> {
  const { size } = await client.getLog()
  await until('a checkpoint', async () => {
    const { shards } = await client.listShards()
    return Number(shards.at(-1)?.checkpoint?.size ?? 0) >= Number(size)
  })
  return (await client.listShards()).shards.at(-1)?.keys[0] ?? ''
}

test('the log of the server, a bundle and a proof verify; a changed bundle ends with 2', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  const reply = await session.post(chat())
  const call = reply.headers.get('airworthy-call') ?? ''
  const key = await publishedKey()
  const whole = await airworthy('audit', 'verify', '--key', key)
  assert.equal(whole.exitCode, 0, whole.stdout + whole.stderr)
  assert.match(whole.stdout, /histories of identities verify by themselves/)
  const file = join(directory, 'all.jsonl')
  const written = await airworthy('audit', 'export', '-o', file, '--reason', 'a check')
  assert.equal(written.exitCode, 0, written.stderr)
  assert.equal((await runCli(['audit', 'verify', file, '--key', key])).exitCode, 0)
  assert.equal(
    (await runCli(['audit', 'verify', file])).exitCode,
    2,
    'without a key nothing is proven',
  )
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('call.intent', 'call.denied'))
  const changed = await runCli(['audit', 'verify', file, '--key', key])
  assert.equal(changed.exitCode, 2)
  assert.match(changed.stdout, /REFUSED/)
  const proved = await airworthy('audit', 'prove', call, '--json')
  assert.equal(proved.exitCode, 0, proved.stderr)
  const base = join(directory, `${call}-intent`)
  const proof = ['audit', 'verify', `${base}.tlog-proof`, '--key', key, '--entry']
  assert.equal((await runCli([...proof, `${base}.entry`])).exitCode, 0)
  await writeFile(`${base}.entry`, 'another')
  assert.equal((await runCli([...proof, `${base}.entry`])).exitCode, 2)
})

test('search, payload, accesses, retention and legal holds', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open({ endUser: 'Mr Held' })
  await session.call('refund', { order_id: 'o9', amount: 31.5 })
  const amount = ['--min', '31.50', '--max', '31.5', '--currency', 'USD']
  const search = ['audit', 'search', '--agent', agent.name, ...amount]
  const found = await airworthy(...search)
  assert.match(found.stdout, /desk\/refund +allow +done +31\.50 USD/)
  const listed: unknown = JSON.parse((await airworthy(...search, '--json')).stdout)
  const call = String(at(listed, 'calls.0.id'))
  const version = String(at(listed, 'calls.0.versionId'))
  const ofVersion = await airworthy('audit', 'search', '--agent-version', version, '--json')
  assert.equal(at(JSON.parse(ofVersion.stdout), 'calls.0.id'), call)
  const payload = await airworthy('audit', 'payload', call, '--reason', 'case 7')
  assert.match(payload.stdout, /"order_id":"o9"/)
  const accesses = await airworthy('audit', 'accesses', '--call', call)
  assert.match(accesses.stdout, /payload read-payload .*case 7/)
  const set = await airworthy('audit', 'retention', 'set', 'payloads', '900')
  assert.match(set.stdout, /payloads +900/)
  const hold = await airworthy(
    'audit',
    'retention',
    'hold',
    'add',
    '--subject',
    'Mr Held',
    '--reason',
    'a case',
    '--json',
  )
  const refused = await airworthy('audit', 'erase', 'Mr Held', '--reason', 'asked')
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stderr, /erasure\.legal_hold/)
  const id = String(at(JSON.parse(hold.stdout), 'id'))
  await airworthy('audit', 'retention', 'hold', 'release', id)
  const erased = await airworthy(
    'audit',
    'erase',
    'Mr Held',
    '--reason',
    'asked',
    '--close-sessions',
    '--no-wait',
  )
  assert.equal(erased.exitCode, 0, erased.stderr)
  const gone = await airworthy('audit', 'payload', call, '--reason', 'case 7')
  assert.match(gone.stdout, /there is none, or it was erased/)
  assert.match((await airworthy('audit', 'erasures')).stdout, /requested|done/)
})
