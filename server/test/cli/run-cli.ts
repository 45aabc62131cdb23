// The command line as a child process, the way people and scripts run it.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

const program = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

export type CliResult = {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

type Options = { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string }

/** Starts the command line. Nothing of the environment reaches it but the path. */
export function startCli(
  args: readonly string[],
  options: Options = {},
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, ['--conditions=airworthy-source', program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...options.env },
    cwd: options.cwd,
  })
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], options: Options = {}): Promise<CliResult> {
  const child = startCli(args, options)
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await closed
  return { exitCode: child.exitCode, stdout, stderr }
}
