// airworthy replay: recorded runs through the real gateway. The replay is an example of the
// checkout, not a part of the published package, so it runs as a program of its own.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { globalOptions, type GlobalOptions } from './connection.ts'
import { UsageError } from './failure.ts'

const program = fileURLToPath(new URL('../../../examples/replay/main.ts', import.meta.url))

export function addReplayCommand(parent: Command): void {
  parent
    .command('replay')
    .description('drive recorded runs of a model through the gateway')
    .argument('[arguments...]', 'a recording (.jsonl.gz) and options; --help-replay lists them')
    .allowUnknownOption()
    .action((args: string[], _, command: Command) => replay(args, globalOptions(command)))
}

async function replay(args: readonly string[], globals: GlobalOptions): Promise<void> {
  if (!existsSync(program)) {
    throw new UsageError('replay needs a checkout of Airworthy: it is no part of the package')
  }
  const passed = args.map((arg) => (arg === '--help-replay' ? '--help' : arg))
  const argv = ['--conditions=airworthy-source', program, ...passed, ...globalsOf(globals)]
  const child = spawn(process.execPath, argv, { stdio: 'inherit' })
  // A terminal tells the whole group; a signal to this process alone must reach the child too.
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', forward)
  process.on('SIGTERM', forward)
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/** Options that were read as ours, given on under the names that the replay knows. */
function globalsOf({ json, url, keyFile, data }: GlobalOptions): string[] {
  return [
    ...(json === true ? ['--json'] : []),
    ...(url === undefined ? [] : ['--url', url]),
    ...(keyFile === undefined ? [] : ['--operator-key-file', keyFile]),
    ...(data === undefined ? [] : ['--data', data]),
  ]
}
