import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { asDirectoryError } from './data-directory.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import { isRunning } from './process.ts'

const adapter = JSON.stringify(join(import.meta.dirname, 'embedded-postgres.ts'))

/** One private folder (0700) below which every test makes its own data directory. */
const folder = await mkdtemp(join(tmpdir(), 'airworthy-postgres-'))
after(() => rm(folder, { recursive: true, force: true }))

/** Starts a server process on the directory; resolves with PostgreSQL's pid once it runs. */
async function startInChild(dataDir: string) {
  const program = `
    const { startEmbeddedPostgres } = await import(${adapter})
    const database = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    console.log(database.pid)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line]: unknown[] = await once(child.stdout, 'data')
  return { child, postgresPid: Number(String(line)) }
}

async function query(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('starts, keeps its files private, and keeps the data over a restart', async () => {
  const dataDir = join(folder, 'first')
  const first = await startEmbeddedPostgres({ dataDir })
  assert.equal(first.adopted, false)
  for (const name of ['', 'postgres', 'postgres.json', 'postgres.password', 'postgres.log']) {
    assert.equal((await stat(join(dataDir, name))).mode & 0o077, 0, `${name} is private`)
  }
  const forTools: unknown = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8'))
  assert.deepEqual(forTools, { url: first.url, pid: first.pid })
  await query(first.url, 'create table kept as select 7 as number')
  await assert.rejects(startEmbeddedPostgres({ dataDir }), {
    code: 'start.already_running',
    message: new RegExp(`process ${process.pid}`),
  })
  await first.stop()
  await first.stop()
  assert.equal(await isRunning(first.pid), false)

  await using second = await startEmbeddedPostgres({ dataDir })
  assert.equal(second.adopted, false)
  assert.deepEqual(await query(second.url, 'select number from kept'), [{ number: 7 }])
  assert.deepEqual(
    await query(
      second.url,
      `select name, setting from pg_settings
       where name in ('fsync', 'listen_addresses', 'unix_socket_directories') order by name`,
    ),
    [
      { name: 'fsync', setting: 'on' },
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'unix_socket_directories', setting: '' },
    ],
  )
  const wrong = second.url.replace(/:[^:@]+@/, ':wrong@')
  await assert.rejects(query(wrong, 'select 1'), { code: '28P01' })
})

test('adopts the PostgreSQL of a server that was killed, and is locked until then', async () => {
  const dataDir = join(folder, 'adopted')
  const { child, postgresPid } = await startInChild(dataDir)
  await assert.rejects(startEmbeddedPostgres({ dataDir }), {
    code: 'start.already_running',
    message: new RegExp(`process ${child.pid}`),
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using database = await startEmbeddedPostgres({ dataDir })
  assert.equal(database.adopted, true)
  assert.equal(database.pid, postgresPid)
  assert.deepEqual(await query(database.url, 'select 1 as one'), [{ one: 1 }])
  await database.stop()
  assert.equal(await isRunning(postgresPid), false)
})

test('starts anew when server and PostgreSQL were both killed', async () => {
  const dataDir = join(folder, 'killed')
  const { child, postgresPid } = await startInChild(dataDir)
  child.kill('SIGKILL')
  process.kill(postgresPid, 'SIGKILL')
  await once(child, 'exit')
  await using database = await startEmbeddedPostgres({ dataDir })
  assert.equal(database.adopted, false)
})

test('starts when the pid file names a process of something else', async () => {
  const dataDir = join(folder, 'reused-pid')
  const first = await startEmbeddedPostgres({ dataDir })
  const pidFile = join(dataDir, 'postgres', 'postmaster.pid')
  const lines = (await readFile(pidFile, 'utf8')).split('\n')
  await first.stop()
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' })
  await writeFile(pidFile, [String(stranger.pid), ...lines.slice(1)].join('\n'))
  await using database = await startEmbeddedPostgres({ dataDir })
  assert.equal(database.adopted, false)
  assert.equal(stranger.exitCode, null)
  stranger.kill()
})

test('survives a SIGINT to the process group of its server', async () => {
  const dataDir = join(folder, 'ctrl-c')
  await using database = await startEmbeddedPostgres({ dataDir })
  const status = await readFile(`/proc/${database.pid}/stat`, 'utf8').catch(() => undefined)
  if (status === undefined) return
  const session = Number(status.slice(status.lastIndexOf(')')).split(' ')[4])
  assert.equal(session, database.pid)
})

test('makes the database anew when the first start was killed in the middle', async () => {
  const dataDir = join(folder, 'half-done')
  const { child, postgresPid } = await startInChild(dataDir)
  child.kill('SIGKILL')
  process.kill(postgresPid, 'SIGKILL')
  await once(child, 'exit')
  // What a killed initdb leaves: a part of the files, under the name that is not used yet.
  await rename(join(dataDir, 'postgres'), join(dataDir, 'postgres.unfinished-1'))
  await unlink(join(dataDir, 'postgres.unfinished-1', 'PG_VERSION'))
  await using database = await startEmbeddedPostgres({ dataDir })
  assert.deepEqual(await query(database.url, 'select 1 as one'), [{ one: 1 }])
  const left = (await readdir(dataDir)).filter((name) => name.includes('unfinished'))
  assert.deepEqual(left, [])
})

test('leaves alone a directory that is not its own', async () => {
  const dataDir = join(folder, 'foreign')
  await mkdir(join(dataDir, 'postgres'), { recursive: true })
  await writeFile(join(dataDir, 'postgres', 'notes'), 'mine')
  await chmod(dataDir, 0o755)
  await assert.rejects(startEmbeddedPostgres({ dataDir }), { code: 'database.embedded_failed' })
  assert.deepEqual(await readdir(join(dataDir, 'postgres')), ['notes'])
  assert.equal((await stat(dataDir)).mode & 0o777, 0o755)
})

test('says what to mend when the directory cannot be made, and when the disk is full', async () => {
  const dataDir = join(folder, 'a-file')
  await writeFile(dataDir, '')
  for (const path of [dataDir, join(dataDir, 'below')]) {
    await assert.rejects(startEmbeddedPostgres({ dataDir: path }), {
      code: 'start.directory_unwritable',
      message: /AIRWORTHY_DATA/,
    })
  }
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' })
  const mended = asDirectoryError(full, dataDir)
  assert.ok(mended instanceof Error && 'code' in mended)
  assert.equal(mended.code, 'start.disk_full')
})
