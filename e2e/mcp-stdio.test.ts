// Tool servers that Airworthy starts: started again when they end, left alone when they do not
// stay, ended with everything that they started, and told nothing that is not theirs.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { AirworthyApiError } from '@airworthy/sdk'
import { createTestDatabase } from '../server/test/database.ts'
import { enrol, standGround } from './harness/ground.ts'
import { asRecord, at, type Json } from './harness/json.ts'
import { startServer } from './harness/server.ts'
import { until } from './harness/until.ts'

const secret = 'a-secret-of-the-server'
const ground = await standGround({ env: { SOME_TOKEN: secret, OTHER_SECRET: secret } })

const program = join(import.meta.dirname, 'harness', 'stdio-tools.ts')
const tools = {
  'desk/echo': { effect: 'read' },
  'desk/environment': { effect: 'read' },
  'desk/process': { effect: 'read' },
  'desk/slow_write': { effect: 'irreversible' },
}
const permissions = [{ id: 'tools', effect: 'allow', tools: ['desk/*'] }]

let servers = 0

/** A server of its own for each test: equal ones would share a process. */
async function open(server: Json = {}) {
  servers += 1
  const desk = {
    transport: 'stdio',
    command: process.execPath,
    args: [program, `--number=${servers}`],
    ...server,
  }
  const agent = await enrol(ground, { toolServers: { desk }, tools, permissions })
  return agent.open()
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function pidOf(session: Awaited<ReturnType<typeof open>>): Promise<number> {
  const reply = await session.call('process')
  return Number(at(reply.value, 'pid'))
}

test('a server that is killed is started again, and answers the next call', async () => {
  await using session = await open()
  const pids = new Set<number>()
  for (let each = 0; each < 3; each += 1) {
    const pid = await pidOf(session)
    assert(pid > 0 && !pids.has(pid), `a new process each time: ${pid}`)
    pids.add(pid)
    process.kill(pid, 'SIGKILL')
    await until('it to end', () => !isAlive(pid))
  }
  assert((await pidOf(session)) > 0)
})

test('a write that a server is killed in is unknown', async () => {
  await using session = await open()
  const pid = await pidOf(session)
  const writing = session.call('slow_write')
  await until('the write to be under way', async () => {
    const { calls } = await session.detail()
    return calls.some((call) => call.action === 'desk/slow_write')
  })
  // The call is on record before it leaves, so it is given again until it has left.
  process.kill(pid, 'SIGKILL')
  const reply = await writing
  assert.equal(reply.isError, true)
  assert.match(String(at(reply.value, 'code')), /^(effect\.unknown|upstream\.unreachable)$/)
})

test('a server that does not stay is left alone, and the refusal says why', async () => {
  await using session = await open({ restarts: { max: 3, withinSeconds: 600 } })
  for (let each = 0; each < 3; each += 1) {
    const pid = await pidOf(session)
    process.kill(pid, 'SIGKILL')
    await until('it to end', () => !isAlive(pid))
  }
  const refused = await until('it to be left alone', async () => {
    const reply = await session.call('echo', { text: 'a' })
    return reply.isError && reply
  })
  assert.equal(at(refused.value, 'code'), 'upstream.unreachable')
  assert.match(String(at(refused.value, 'message')), /it ended 3 times, so it is left alone for/)
})

test('a server that cannot start is refused at enrolment, with what it said last', async () => {
  await assert.rejects(open({ args: [program, '--fail'] }), (thrown) => {
    assert(thrown instanceof AirworthyApiError)
    assert.equal(thrown.code, 'manifest.tool_server_unreachable')
    assert.match(thrown.message, /the licence has run out/)
    return true
  })
})

test('a server is given what the manifest names, and nothing else of ours', async () => {
  await using session = await open({ env: { MODE: 'test' }, envFrom: { TOKEN: 'SOME_TOKEN' } })
  const environment = asRecord((await session.call('environment')).value)
  assert.equal(environment['MODE'], 'test')
  assert.equal(environment['TOKEN'], secret)
  const given = new Set(['MODE', 'TOKEN', 'PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'])
  assert.deepEqual(
    Object.keys(environment).filter((name) => !given.has(name)),
    [],
  )
})

test('a server and what it started end with Airworthy', async () => {
  await using database = await createTestDatabase()
  await using server = await startServer({ databaseUrl: database.url })
  const helper = 'process.stdin.resume(); setInterval(() => undefined, 1000)'
  const script = `
    const { spawn } = require('node:child_process')
    const helper = spawn(process.execPath, ['-e', ${JSON.stringify(helper)}], { stdio: 'ignore' })
    process.stderr.write('helper ' + helper.pid + '\\n')
    process.on('SIGTERM', () => undefined)
    process.argv.splice(1, 0, 'node')
    import(${JSON.stringify(program)})
  `
  const desk = { transport: 'stdio', command: process.execPath, args: ['-e', script] }
  const agent = await enrol({ ...ground, server }, { toolServers: { desk }, tools, permissions })
  await using session = await agent.open()
  const pid = await pidOf(session)
  const helperPid = Number(/helper (\d+)/.exec(server.stderr())?.[1])
  assert(isAlive(pid) && isAlive(helperPid))
  await server.terminate()
  await until('both to end', () => !isAlive(pid) && !isAlive(helperPid))
})
