// What the operating system says about a process, and running one to its end.

import { spawn } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'

/** The server's own environment may hold provider keys: PostgreSQL gets none of it. */
export const plainEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

const outputBytesMax = 64 * 1024

type Finished = { readonly exitCode: number; readonly output: string }

/** Runs a command in its own session, so that a Ctrl-C in the terminal does not reach it. */
export async function runToEnd(
  command: readonly string[],
  options: { cwd: string },
): Promise<Finished> {
  const [program, ...args] = command
  if (program === undefined) throw new TypeError('a command needs a program')
  const child = spawn(program, args, {
    ...options,
    env: plainEnvironment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-outputBytesMax)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  child.once('error', reject)
  child.once('close', (code) => {
    resolve({ exitCode: code ?? 1, output })
  })
  return promise
}

/** False for a zombie too: where no init reaps, a dead orphan stays listed for ever. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM'
  }
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/^\d+ \(.*\) [ZX]/s.test(status)
}

/**
 * Whether the process works in this directory or names it on its command line; undefined when the
 * system does not tell. A pid alone proves nothing: numbers are reused, soonest after a reboot.
 */
export async function worksIn(pid: number, directory: string): Promise<boolean | undefined> {
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  if (cwd !== undefined) return cwd === directory
  const commandLine =
    (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)) ?? (await psOf(pid))
  return commandLine?.split(/[\0\n]/).some((word) => word.includes(directory))
}

async function psOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return undefined
  const ps = await runToEnd(['ps', '-p', String(pid), '-o', 'command='], { cwd: '/' })
  return ps.exitCode === 0 ? ps.output : undefined
}
