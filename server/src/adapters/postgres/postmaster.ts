// The running PostgreSQL of a cluster: finding it, starting it, stopping it.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { open, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AirworthyError } from '../../core/errors.ts'
import type { Account } from './account.ts'
import { startFailure } from './cluster.ts'
import { logFileOf, logTailFrom } from './log-file.ts'
import { isRunning, plainEnvironment, worksIn } from './process.ts'

export type Postmaster = { readonly pid: number; readonly port: number }

const pollMs = 20
/** Crash recovery of a large log takes minutes, and interrupting it only starts it again. */
const recoveryMsMax = 10 * 60_000
const patienceMs = 3_000
const startAttemptsMax = 20
const fastStopMsMax = 30_000
const immediateStopMsMax = 10_000

type PidFile = Postmaster & { readonly isReady: boolean }

async function readPidFile(clusterDir: string): Promise<PidFile | undefined> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number(lines[3]), isReady: lines[7]?.trim() === 'ready' }
}

/**
 * The postmaster that outlived its server, once it takes connections; undefined when there is none.
 * A pid file left by a reboot may name any process: then the file is removed, since PostgreSQL
 * would believe it. One whose process is dead is left, since PostgreSQL checks more than the pid.
 */
export async function findSurvivor(clusterDir: string): Promise<Postmaster | undefined> {
  const deadline = Date.now() + recoveryMsMax
  for (;;) {
    const file = await readPidFile(clusterDir)
    if (file === undefined || !(await isRunning(file.pid))) return undefined
    const isOurs = await worksIn(file.pid, clusterDir)
    if (isOurs === false) {
      await rm(join(clusterDir, 'postmaster.pid'), { force: true })
      return undefined
    }
    if (isOurs === undefined || Date.now() > deadline) throw unclearSurvivor(clusterDir, file.pid)
    if (file.isReady) return { pid: file.pid, port: file.port }
    await sleep(pollMs)
  }
}

function unclearSurvivor(clusterDir: string, pid: number): AirworthyError {
  return new AirworthyError(
    'database.embedded_failed',
    `Process ${pid} seems to be the PostgreSQL of ${clusterDir}, but does not take connections. ` +
      `Stop it (kill -INT ${pid}), or, when it is something else, remove postmaster.pid there.`,
    { detail: { pid } },
  )
}

type StartOptions = {
  readonly dataDir: string
  readonly clusterDir: string
  readonly postgres: string
  readonly account: Account
  readonly onProgress: (message: string) => void
}

/** Starts PostgreSQL on a free port of 127.0.0.1 and waits until it takes connections. */
export async function startPostmaster(options: StartOptions): Promise<Postmaster> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await tryStart(options, await freePort())
    if (outcome.kind === 'ready') return outcome.postmaster
    if (!outcome.mayRetry || attempt === startAttemptsMax) {
      throw startFailure({ dataDir: options.dataDir, output: outcome.output, doing: 'start' })
    }
    await sleep(outcome.isPortTaken ? 0 : 250)
  }
}

type StartOutcome =
  | { kind: 'ready'; postmaster: Postmaster }
  | { kind: 'failed'; output: string; mayRetry: boolean; isPortTaken: boolean }

async function tryStart(options: StartOptions, port: number): Promise<StartOutcome> {
  const log = await open(logFileOf(options.dataDir), 'a', 0o600)
  const logOffset = (await log.stat()).size
  const [program = options.postgres, ...args] = [
    ...options.account.prefix,
    options.postgres,
    ...postgresArguments(options.clusterDir, port),
  ]
  // Its own session: a Ctrl-C in the terminal must reach the server alone, which drains first.
  const child = spawn(program, args, {
    cwd: options.clusterDir,
    env: plainEnvironment,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  child.unref()
  const started = await waitUntilReady(child, options)
  await log.close()
  if (started === 'ready') return { kind: 'ready', postmaster: { pid: child.pid ?? 0, port } }
  const output = `${await logTailFrom(options.dataDir, logOffset)}\n${started.reason}`
  const isPortTaken = /Address already in use/.test(output)
  // The last server process of a killed postmaster needs a moment to notice and go.
  const isBusy = /pre-existing shared memory block|lock file "postmaster.pid"/.test(output)
  return { kind: 'failed', output, isPortTaken, mayRetry: isPortTaken || isBusy }
}

/** What must hold whatever postgresql.conf says. */
function postgresArguments(clusterDir: string, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    logging_collector: 'off',
    log_destination: 'stderr',
  }
  return [
    '-D',
    clusterDir,
    ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
  ]
}

async function waitUntilReady(
  child: ChildProcess,
  options: StartOptions,
): Promise<'ready' | { reason: string }> {
  let reason: string | undefined
  child.once('error', (error) => (reason = error.message))
  child.once('exit', (code, signal) => (reason ??= `it ended with ${signal ?? code}`))
  const began = Date.now()
  let isToldOfRecovery = false
  for (;;) {
    // Read before the exit is looked at: a process that has ended is not ready, whatever it wrote.
    const file = await readPidFile(options.clusterDir)
    if (reason !== undefined) return { reason }
    if (file?.isReady === true && file.pid === child.pid) return 'ready'
    const waitedMs = Date.now() - began
    if (waitedMs > recoveryMsMax) {
      child.kill('SIGQUIT')
      return { reason: `FATAL: not ready after ${recoveryMsMax / 60_000} minutes` }
    }
    if (waitedMs > patienceMs && !isToldOfRecovery) {
      isToldOfRecovery = true
      options.onProgress('PostgreSQL is recovering from its last stop')
    }
    await sleep(pollMs)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => {
      if (address === null || typeof address === 'string') reject(new TypeError('no port'))
      else resolve(address.port)
    })
  })
  return promise
}

/** Fast shutdown first: transactions roll back and a checkpoint is written. Always ends. */
export async function stopPostmaster(pid: number): Promise<void> {
  const steps = [
    { signal: 'SIGINT', waitMs: fastStopMsMax },
    // Immediate: the next start recovers from the log, nothing that was committed is lost.
    { signal: 'SIGQUIT', waitMs: immediateStopMsMax },
    { signal: 'SIGKILL', waitMs: immediateStopMsMax },
  ] as const
  for (const { signal, waitMs } of steps) {
    if (!signalIfThere(pid, signal)) return
    if (await isGoneWithin(pid, waitMs)) return
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return false
    throw thrown
  }
}

async function isGoneWithin(pid: number, waitMs: number): Promise<boolean> {
  const deadline = Date.now() + waitMs
  while (Date.now() < deadline) {
    if (!(await isRunning(pid))) return true
    await sleep(pollMs)
  }
  return false
}
