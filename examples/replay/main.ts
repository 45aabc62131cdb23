// `airworthy replay`: drives a recording through the gateway and says what differs from it.
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { SessionMode } from '@airworthy/sdk'
import { pactFiles } from './agent.ts'
import { openEnvironment } from './environment.ts'
import type { EnvironmentOptions, GivenServer } from './environment.ts'
import { showProgress } from './progress.ts'
import { readRecording } from './recording.ts'
import { replayRecording } from './replay.ts'
import type { ReplayReport } from './report.ts'
import { readPostgres } from './services.ts'
import { findDataDirectory } from './shared-data.ts'
import { formatReport } from './table.ts'

const USAGE = `usage: replay RECORDING.jsonl.gz [options]
  --observe | --enforce    record what the pact says (default), or act on it
  --concurrency N          runs at a time (default 1)
  --limit N                only the first N runs
  --pact FILE              another manifest of the agent (default agent.yaml)
  --stream                 ask the model for streams
  --json                   print one JSON object instead of the table
  --url URL                a server that runs; without it one is started, and removed at the end
  --data DIRECTORY         data directory of that server: its operator key, its PostgreSQL
  --operator-key-file FILE, --database-url URL
                           the same where they lie elsewhere; the shop uses that PostgreSQL too
  --shared DIRECTORY       where tau-env/ lies (default $AIRWORTHY_SHARED/data)
  --help                   print this
exit codes: 0 as recorded, 1 error, 2 something differs, 64 usage`

const EXIT = { asRecorded: 0, error: 1, differs: 2, usage: 64 } as const
const CONCURRENCY_MAX = 64

class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Options = {
  recording: string
  mode: SessionMode
  concurrency: number
  limit: number | undefined
  manifestFile: string
  isStreaming: boolean
  isJson: boolean
  environment: EnvironmentOptions
}

async function parseOptions(args: string[]): Promise<Options | 'help'> {
  const { values, positionals } = readArguments(args)
  if (values.help) return 'help'
  const [recording, ...more] = positionals
  if (recording === undefined || more.length > 0) throw new UsageError('name one recording')
  if (values.enforce && values.observe) throw new UsageError('say --observe or --enforce, not both')
  const dataDirectory = findDataDirectory(values.shared)
  if (dataDirectory === undefined)
    throw new UsageError(
      'the shared data (tau-env/) is not there: give --shared or AIRWORTHY_SHARED',
    )
  const given = await givenServer(values)
  const databaseUrl = values['database-url']
  return {
    recording: resolve(recording),
    mode: values.enforce ? 'enforce' : 'observe',
    concurrency: parseCount('--concurrency', values.concurrency, CONCURRENCY_MAX),
    limit: values.limit === undefined ? undefined : parseCount('--limit', values.limit, 1_000_000),
    manifestFile: values.pact === undefined ? pactFiles.allowAll : resolve(values.pact),
    isStreaming: values.stream,
    isJson: values.json,
    environment: {
      dataDirectory,
      ...(given === undefined ? {} : { given }),
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
    },
  }
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        observe: { type: 'boolean', default: false },
        enforce: { type: 'boolean', default: false },
        concurrency: { type: 'string', default: '1' },
        limit: { type: 'string' },
        pact: { type: 'string' },
        stream: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        url: { type: 'string' },
        'operator-key-file': { type: 'string' },
        'database-url': { type: 'string' },
        data: { type: 'string' },
        shared: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

async function givenServer(values: {
  url?: string
  data?: string
  'operator-key-file'?: string
  'database-url'?: string
}): Promise<GivenServer | undefined> {
  const { url, data } = values
  if (url === undefined) return undefined
  const keyFile =
    values['operator-key-file'] ?? (data === undefined ? undefined : join(data, 'operator.key'))
  const databaseUrl =
    values['database-url'] ?? (data === undefined ? undefined : (await readPostgres(data)).url)
  if (keyFile === undefined || databaseUrl === undefined)
    throw new UsageError('--url needs --data, or --operator-key-file and --database-url')
  return { url, operatorKeyFile: resolve(keyFile), databaseUrl }
}

function parseCount(name: string, text: string, max: number): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < 1 || count > max)
    throw new UsageError(`${name} must be a whole number from 1 to ${max}, not ${text}`)
  return count
}

async function run(options: Options, opened: AsyncDisposableStack): Promise<ReplayReport> {
  const recording = await readRecording(options.recording)
  const environment = opened.use(await openEnvironment(options.environment))
  const { mode, concurrency, manifestFile, isStreaming, limit } = options
  const progress = showProgress(process.stderr)
  try {
    return await replayRecording(environment, {
      recording,
      mode,
      concurrency,
      manifestFile,
      isStreaming,
      onProgress: (step) => progress.update(step),
      ...(limit === undefined ? {} : { limit }),
    })
  } finally {
    progress.end()
  }
}

async function main(): Promise<void> {
  const options = await parseOptions(process.argv.slice(2))
  if (options === 'help') return console.log(USAGE)
  const opened = new AsyncDisposableStack()
  const interrupted = (signal: NodeJS.Signals, code: number) =>
    process.once(signal, () => {
      // The server of its own is to be stopped and removed, whoever ends the replay.
      void opened.disposeAsync().finally(() => process.exit(code))
    })
  interrupted('SIGINT', 130)
  interrupted('SIGTERM', 143)
  try {
    const figures = await run(options, opened)
    console.log(options.isJson ? JSON.stringify(figures) : formatReport(figures))
    if (figures.failed.length > 0) process.exitCode = EXIT.error
    else process.exitCode = figures.isAsRecorded ? EXIT.asRecorded : EXIT.differs
  } finally {
    await opened.disposeAsync()
  }
}

try {
  await main()
} catch (error) {
  const isUsage = error instanceof UsageError
  const message = error instanceof Error ? error.message : String(error)
  console.error(`replay: ${message}${isUsage ? `\n${USAGE}` : ''}`)
  process.exitCode = isUsage ? EXIT.usage : EXIT.error
}
