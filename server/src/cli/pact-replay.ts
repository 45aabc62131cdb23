// airworthy pact replay: what a changed pact would have decided on past sessions, page by page.
import type { ReplayedPage, ReplayPact } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { readManifest } from './manifest-file.ts'
import { ReplaySummary } from './replay-summary.ts'
import { note, printJson } from './terminal.ts'

type Options = {
  readonly file: string
  readonly sessions?: readonly string[]
  readonly since?: string
  readonly last?: number
  readonly recorded?: boolean
  readonly gate?: boolean
}

export function addPactReplay(pact: Command): void {
  pact
    .command('replay')
    .description('what a changed pact would have decided on past sessions')
    .requiredOption('-f, --file <file>', 'the changed manifest; - reads it from standard input')
    .option('--sessions <ids...>', 'only these sessions')
    .option('--since <time>', 'only sessions opened since then, as 2026-11-22T00:00:00Z')
    .addOption(new Option('--last <n>', 'only the newest n sessions').argParser(parseCount))
    .option('--recorded', 'only sessions that were driven from a recording')
    .option('--gate', 'exit with 2 when any decision differs')
    .action((options: Options, command: Command) => replay(options, command))
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new UsageError(`--last takes a number of sessions, not ${JSON.stringify(text)}`)
}

async function replay(options: Options, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const request = await requestOf(options)
  const summary = new ReplaySummary()
  let after: string | null = null
  do {
    const page: ReplayedPage = await client.replayPact({
      ...request,
      ...(after === null ? {} : { after }),
    })
    summary.add(page)
    after = page.next
    showProgress(`${summary.sessions} of ${page.total} sessions, ${summary.differing} differences`)
  } while (after !== null)
  endProgress()
  if (options.gate === true && summary.differing > 0) process.exitCode = exitCodes.gateFailed
  if (globals.json === true) printJson(summary.document())
  else summary.print()
}

async function requestOf(options: Options): Promise<ReplayPact> {
  const { file, sessions, last, recorded } = options
  return {
    manifest: await readManifest(file),
    file,
    ...(sessions === undefined ? {} : { sessions: sessions.flatMap((ids) => ids.split(',')) }),
    ...(options.since === undefined ? {} : { since: timeOf(options.since) }),
    ...(last === undefined ? {} : { last }),
    ...(recorded === true ? { recorded } : {}),
  }
}

function timeOf(text: string): string {
  const at = new Date(text)
  if (!Number.isNaN(at.getTime())) return at.toISOString()
  throw new UsageError(
    `--since takes a time such as 2026-11-22T00:00:00Z, not ${JSON.stringify(text)}`,
  )
}

/** One line that is written over, and only where somebody sees it. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\u001B[K`)
}

function endProgress(): void {
  if (process.stderr.isTTY) note('')
}
