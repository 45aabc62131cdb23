// `airworthy hold`, `operator key` and `oncall` as people use them, against the real server.
import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../server/test/cli/run-cli.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { addPerson, type Person } from './harness/operators.ts'

const ground = await standGround()
const { server, tools } = ground

const holdRefunds: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }
const approvals: Json[] = [{ id: 'two', levels: [{ quorum: 2, withinSeconds: 600 }] }]

/** The command line of a person, with a key file of their own. */
async function terminalOf(person: Person, folder: string) {
  const keyFile = join(folder, `${person.name}.key`)
  await writeFile(keyFile, person.apiKey, { mode: 0o600 })
  const run = (...args: string[]) =>
    runCli([...args, '--key-file', keyFile], { env: { AIRWORTHY_URL: server.url } })
  return { run, voteKey: `${keyFile}.vote` }
}

test('two people sign, edit and approve at their terminals', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'airworthy-votes-'))
  try {
    const agent = await enrol(ground, { rules: [holdRefunds], more: { approvals } })
    await using session = await agent.open()
    const ann = await terminalOf(await addPerson(server), folder)
    const ben = await terminalOf(await addPerson(server), folder)
    const cleo = await terminalOf(await addPerson(server), folder)
    const made = await ann.run('operator', 'key', 'new')
    assert.equal(made.exitCode, 0, made.stderr)
    if (process.platform !== 'win32') {
      assert.equal((await stat(ann.voteKey)).mode & 0o777, 0o600)
    }
    const held = await session.call('refund', { order_id: 'a', amount: 5 })
    const id = String(at(held.value, 'id'))
    const args = join(folder, 'args.json')
    await writeFile(args, '{"order_id":"a","amount":3}')
    const edited = await ben.run('hold', 'edit', id, '--args', args, '--json')
    const next = String(at(JSON.parse(edited.stdout), 'hold.id'))
    assert.notEqual(next, id)
    const first = await ann.run('hold', 'approve', next, '--reason', 'fine')
    assert.match(first.stdout, /pending/)
    const own = await ben.run('hold', 'approve', next)
    assert.notEqual(own.exitCode, 0)
    assert.match(own.stderr, /vote\.forbidden/)
    const last = await cleo.run('hold', 'approve', next)
    assert.match(last.stdout, /approved/)
    const amounts = tools.journal
      .filter((call) => call.session === session.id)
      .map((call) => at(call, 'args.amount'))
    assert.deepEqual(amounts, [3])
    const votes = await ann.run('hold', 'votes', next, '--json')
    const keys = JSON.parse(votes.stdout).votes.map((vote: Json) => typeof vote['key'])
    assert.deepEqual(keys, ['string', 'object'], 'one is signed, and one needs no signature')
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a key that others can read is not used, and a second key needs the first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'airworthy-votes-'))
  try {
    const ann = await terminalOf(await addPerson(server), folder)
    await ann.run('operator', 'key', 'new')
    const other = join(folder, 'second.key')
    const alone = await ann.run('operator', 'key', 'new', '--out', other)
    assert.match(alone.stderr, /operator\.key_unendorsed/)
    const added = await ann.run('operator', 'key', 'add', other, '--endorse', ann.voteKey)
    assert.equal(added.exitCode, 0, added.stderr)
    const listed = await ann.run('operator', 'key', 'list', '--json')
    assert.equal(JSON.parse(listed.stdout).keys.length, 2)
    if (process.platform === 'win32') return
    await chmod(ann.voteKey, 0o644)
    const unsafe = await ann.run('hold', 'approve', '00000000-0000-7000-8000-000000000000')
    assert.equal(unsafe.exitCode, 64)
    assert.match(unsafe.stderr, /chmod 600/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('oncall set and show', async () => {
  const run = (...args: string[]) => {
    const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
    return runCli(args, { env })
  }
  const member = await addPerson(server)
  const shifts = ['--zone', 'Europe/Paris', '--from', '2026-01-05']
  const set = await run('oncall', 'set', 'nights', '--member', member.name, ...shifts)
  assert.equal(set.exitCode, 0, set.stderr)
  const shown = await run('oncall', 'show')
  assert.match(shown.stdout, new RegExp(`nights +${member.name}`))
  const teams = await run('operator', 'team', member.id, 'finance', 'legal')
  assert.match(teams.stdout, /finance, legal/)
})
