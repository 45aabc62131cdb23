// npm test [part of a path ...]: every test of the project on one private PostgreSQL. The last line
// says how many passed, failed and were skipped; the exit code is 1 when one failed.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { glob, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../server/src/adapters/postgres/embedded-postgres.ts'
import { stopPostmaster } from '../server/src/adapters/postgres/postmaster.ts'
import { isRunning } from '../server/src/adapters/postgres/process.ts'

type Counts = { passed: number; failed: number; skipped: number }

const nothing: Counts = { passed: 0, failed: 0, skipped: 0 }

const root = join(import.meta.dirname, '..')
const patterns = [
  'sdk/**/*.test.ts',
  'server/{src,test}/**/*.test.ts',
  'web/**/*.test.ts',
  'examples/**/*.test.ts',
  'bench/**/*.test.ts',
  'e2e/**/*.test.ts',
]
const testMsMax = 300_000
const reporter = join(import.meta.dirname, 'test-reporter.ts')

/** Pure tests share one process: starting one for each file would take most of the time. */
function isPure(file: string): boolean {
  return file.startsWith('sdk/') || file.startsWith('server/src/core/') || /\/tidy/.test(file)
}

function isNotOurs(path: string): boolean {
  return /(^|\/)(node_modules|dist)(\/|$)/.test(path)
}

async function findTests(filters: readonly string[]): Promise<string[]> {
  const files = await Array.fromAsync(glob(patterns, { cwd: root, exclude: isNotOurs }))
  const isWanted = (file: string) =>
    filters.length === 0 || filters.some((filter) => file.includes(filter))
  return files.filter(isWanted).toSorted()
}

type Database = { url: string } & AsyncDisposable

/** Tests make databases of their own on it, so it must allow that. */
async function openDatabase(directory: string): Promise<Database> {
  const given = process.env['AIRWORTHY_TEST_DATABASE_URL']
  if (given !== undefined && given !== '') {
    return { url: given, [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const dataDir = join(directory, 'data')
  const first = await startEmbeddedPostgres({ dataDir })
  const client = new Client({ connectionString: first.url })
  await client.connect()
  // No test cuts the power, and hundreds of databases are created: durability would only cost time.
  await client.query('alter system set fsync = off')
  await client.query('alter system set max_connections = 300')
  await client.end()
  await first.stop()
  return startEmbeddedPostgres({ dataDir })
}

const running = new Set<ChildProcess>()
let interruptedBy: NodeJS.Signals | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interruptedBy = signal
    // The runs end, and the way out below stops PostgreSQL.
    for (const child of running) child.kill('SIGTERM')
  })
}

/** Runs the files with Node's own runner; resolves to the counts. */
async function runFiles(options: {
  files: readonly string[]
  flags: readonly string[]
  databaseUrl: string
  temporary: string
  tally: string
}): Promise<Counts> {
  const { files, flags, databaseUrl, temporary, tally } = options
  if (files.length === 0 || interruptedBy !== undefined) return nothing
  const args = ['--test', '--conditions=airworthy-source', `--test-timeout=${testMsMax}`, ...flags]
  const child = spawn(process.execPath, [...args, `--test-reporter=${reporter}`, ...files], {
    cwd: root,
    env: {
      ...process.env,
      // Below our own folder, so that nothing of a test that is interrupted stays behind.
      TMPDIR: temporary,
      AIRWORTHY_TEST_DATABASE_URL: databaseUrl,
      AIRWORTHY_TEST_TALLY: tally,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  running.add(child)
  const ended = Promise.withResolvers<number>()
  child.once('error', ended.reject)
  child.once('close', (code) => {
    ended.resolve(code ?? 1)
  })
  const exitCode = await ended.promise
  running.delete(child)
  return readTally(tally, exitCode)
}

/** A runner that died counts as a failure, whatever it had counted. */
async function readTally(tally: string, exitCode: number): Promise<Counts> {
  const text = (await readFile(tally, 'utf8').catch(() => '')).trim()
  const counts = text === '' ? nothing : parseCounts(text)
  if (exitCode === 0 || counts.failed > 0) return counts
  console.log(`\nFAILED: the test process ended with exit code ${exitCode}`)
  return { ...counts, failed: counts.failed + 1 }
}

function parseCounts(text: string): Counts {
  const parsed: unknown = JSON.parse(text)
  const read = (name: string): number => {
    const value = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []
    return Number(value.find(([key]) => key === name)?.[1] ?? 0)
  }
  return { passed: read('passed'), failed: read('failed'), skipped: read('skipped') }
}

async function runAll(filters: readonly string[], directory: string): Promise<Counts> {
  const files = await findTests(filters)
  await using database = await openDatabase(directory)
  const temporary = join(directory, 'tmp')
  await mkdir(temporary)
  const common = { databaseUrl: database.url, temporary }
  const pure = await runFiles({
    ...common,
    files: files.filter(isPure),
    flags: ['--test-isolation=none'],
    tally: join(directory, 'pure.json'),
  })
  const rest = await runFiles({
    ...common,
    files: files.filter((file) => !isPure(file)),
    flags: ['--test-concurrency=2'],
    tally: join(directory, 'rest.json'),
  })
  return {
    passed: pure.passed + rest.passed,
    failed: pure.failed + rest.failed,
    skipped: pure.skipped + rest.skipped,
  }
}

/** PostgreSQL outlives its server by design, so an interrupted test may have left one running. */
async function stopLeftovers(directory: string): Promise<void> {
  for await (const path of glob('**/postmaster.pid', { cwd: directory })) {
    const text = await readFile(join(directory, path), 'utf8').catch(() => '')
    const pid = Number(text.split('\n')[0])
    if (pid > 0 && (await isRunning(pid))) await stopPostmaster(pid)
  }
}

const directory = await mkdtemp(join(tmpdir(), 'airworthy-test-'))
let counts: Counts
try {
  counts = await runAll(process.argv.slice(2), directory)
} finally {
  await stopLeftovers(directory)
  // Retries, because what a test started may still be writing there.
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}
if (interruptedBy !== undefined) process.exitCode = 128 + constants.signals[interruptedBy]
else if (counts.failed > 0) process.exitCode = 1
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
