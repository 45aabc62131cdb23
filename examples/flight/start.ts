// `npm start`: the server, the example shop and a model; the example agent enrolled; its sessions
// flown through the gateway; a summary; and then it keeps serving.
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import { AirworthyApiError, createClient } from '@airworthy/sdk'
import type { Client } from '@airworthy/sdk'
import { enrolDesk } from './enrol.ts'
import type { EnrolledDesk } from './enrol.ts'
import { flySession } from './fly.ts'
import type { FlownSession } from './fly.ts'
import { readKept, writeKept } from './kept-state.ts'
import { EXIT, readOptions, USAGE, UsageError } from './options.ts'
import type { Options } from './options.ts'
import { checkout, runCli, StartError, startServer, startShop } from './processes.ts'
import type { RunningProcess, Server } from './processes.ts'
import { showProgress } from './progress.ts'
import type { Progress } from './progress.ts'
import { findProvider, scriptedProvider } from './provider.ts'
import type { Provider } from './provider.ts'
import { startScriptedModel } from './scripted-model.ts'
import { planSessions, SEED_NUMBER } from './sessions.ts'
import { formatSummary } from './summary-text.ts'
import { summarise } from './summary.ts'
import type { FlightSummary } from './summary.ts'

/** One Ctrl-C arrives twice when a launcher passes on what the terminal sent too. */
const SAME_SIGNAL_MS = 1_000
const defaultUrl = 'http://127.0.0.1:4100'

/** What stops this program: the operator's signal, or a process of ours that ended by itself. */
class Interruption extends Error {
  override readonly name = 'Interruption'
  readonly signal: NodeJS.Signals | undefined

  constructor(message: string, signal?: NodeJS.Signals) {
    super(message)
    this.signal = signal
  }
}

type Desk = {
  readonly server: Server
  readonly client: Client
  readonly provider: Provider
  readonly enrolled: EnrolledDesk
  readonly servedMs: (completionId: string) => number | undefined
}

type Run = {
  readonly options: Options
  readonly progress: Progress
  /** Aborted with an `Interruption`. */
  readonly signal: AbortSignal
  readonly fleet: Fleet
}

/** What runs beside this process. */
type Fleet = {
  readonly add: (started: RunningProcess) => void
  /** From now on its end is the end of everything. */
  readonly watch: (started: RunningProcess) => void
  readonly onStop: (stop: () => Promise<void>) => void
  /** In the order of the start: the server drains while the shop still answers it. */
  readonly stop: () => Promise<void>
  readonly kill: () => void
}

function assembleFleet(interrupt: (cause: Interruption) => void): Fleet {
  const processes: RunningProcess[] = []
  const stops: (() => Promise<void>)[] = []
  let isStopping = false
  return {
    add: (started) => {
      processes.push(started)
      stops.push(started.stop)
      if (isStopping) started.kill()
    },
    watch: ({ name, ended }) => {
      const report = () => {
        if (!isStopping) interrupt(new Interruption(`${name} has ended by itself`))
      }
      void ended.then(report)
    },
    onStop: (stop) => stops.push(stop),
    stop: async () => {
      isStopping = true
      for (const stop of stops) await stop()
    },
    kill: () => {
      for (const started of processes) started.kill()
    },
  }
}

/** Server, shop and model are up, and the agent is enrolled. */
async function openDesk(run: Run): Promise<Desk> {
  const { options, progress, fleet } = run
  const { environment } = options
  progress.note('Starting PostgreSQL, the gateway and the control API ...')
  const server = await startServer({ ...options, onStarted: fleet.add })
  fleet.watch(server)
  const kept = await readKept(server.dataDir)
  progress.note('Starting the example shop ...')
  const shop = await startShop({
    environment,
    databaseUrl: server.databaseUrl,
    seedNumber: SEED_NUMBER,
    port: kept.shopPort,
    onStarted: fleet.add,
  })
  fleet.watch(shop)
  const model = await startScriptedModel({ port: kept.modelPort ?? 0 })
  fleet.onStop(async () => {
    await model[Symbol.asyncDispose]()
  })
  const given = options.isScripted ? undefined : findProvider(environment)
  const provider = given ?? scriptedProvider(model.baseUrl)
  const key = (await readFile(server.operatorKeyFile, 'utf8')).trim()
  const client = createClient({ baseUrl: server.url, key })
  const enrolled = await enrolDesk(client, {
    checkout,
    provider,
    shopMcpUrl: shop.mcpUrl,
    keptKey: kept.apiKey,
    keptSigningKey: kept.signingKey,
  })
  await writeKept(server.dataDir, {
    apiKey: enrolled.apiKey,
    signingKey: enrolled.signingKey,
    shopPort: Number(new URL(shop.mcpUrl).port),
    modelPort: model.port,
  })
  for (const warning of enrolled.warnings) progress.note(`warning: ${warning}`)
  await proveUndos(client, { agent: enrolled.agent.name, progress })
  return { server, client, provider, enrolled, servedMs: model.servedMs }
}

/** Rules see an undo that is not proved as none; each is tried once, and again when it changes. */
async function proveUndos(
  client: Client,
  { agent, progress }: { agent: string; progress: Progress },
): Promise<void> {
  const { tools } = await client.proveTools({ agent, onlyUnproved: true })
  if (tools.length === 0) return
  const failed = tools.filter((tool) => tool.state === 'disproved')
  progress.note(`Tried ${tools.length} undos: ${tools.length - failed.length} are proved.`)
  for (const { tool, reason } of failed) progress.note(`warning: ${tool}: ${reason ?? ''}`)
}

async function fly(run: Run, desk: Desk): Promise<FlightSummary> {
  const { options, progress, signal } = run
  const { server, client, provider, enrolled, servedMs } = desk
  const plans = planSessions()
  const entriesBefore = (await client.getLog()).size
  const startedMs = performance.now()
  const { agent, isNew } = enrolled
  const state = isNew ? 'enrolled now' : `version ${agent.version.number}`
  progress.note(
    `Flying ${plans.length} sessions of ${agent.name} (${state}) with ${provider.label}.`,
  )
  const flown: FlownSession[] = []
  for (const [index, plan] of plans.entries()) {
    progress.session(`${index + 1}/${plans.length} ${plan.title}`)
    const cliName = cliNameOf(server)
    const runHere = (args: readonly string[]) =>
      runCli({ environment: options.environment, server, args })
    flown.push(
      await flySession(
        {
          client,
          desk: enrolled,
          model: provider.model,
          progress,
          signal,
          cliName,
          runCli: runHere,
        },
        plan,
      ),
    )
  }
  progress.end()
  return summarise({
    client,
    flown,
    provider,
    agent: { name: agent.name, version: agent.version.number, pact: agent.pact.number },
    servedMs,
    entriesBefore,
    durationMs: performance.now() - startedMs,
    server,
  })
}

/** What finds this server from the checkout: nothing more to say when it is where the CLI looks. */
function cliNameOf({ url, dataDir }: Pick<Server, 'url' | 'dataDir'>): string {
  const at = url === defaultUrl ? '' : ` --url ${url}`
  const data = dataDir === resolve('.airworthy') ? '' : ` --data ${dataDir}`
  return `npx airworthy${at}${data}`
}

async function flyAndServe(run: Run): Promise<void> {
  const { options, signal } = run
  const aborted = rejectionOf(signal)
  const desk = await Promise.race([openDesk(run), aborted])
  const summary = await Promise.race([fly(run, desk), aborted])
  const text = formatSummary(summary, cliNameOf(desk.server))
  console.log(options.isJson ? JSON.stringify(summary) : `${text}\n`)
  if (options.isOnce) return
  run.progress.note(`Serving on ${desk.server.url}. Ctrl-C stops it.`)
  try {
    await aborted
  } catch (thrown) {
    // Told to stop while serving: that is how a server ends well.
    if (!(thrown instanceof Interruption) || thrown.signal === undefined) throw thrown
    run.progress.note('Stopping; calls in flight are given time to end.')
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  // It is raced again and again; nobody else may hear of it in between.
  promise.catch(() => undefined)
  return promise
}

/** Aborts at the first signal; a later second one ends everything at once. */
function listenForSignals(interrupt: (cause: Interruption) => void, kill: () => void): void {
  let firstAt: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const now = performance.now()
      if (firstAt === undefined) {
        firstAt = now
        interrupt(new Interruption(`stopped by ${signal}`, signal))
      } else if (now - firstAt > SAME_SIGNAL_MS) {
        kill()
        process.exit(128 + constants.signals[signal])
      }
    })
  }
}

function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage
  if (!(thrown instanceof Interruption) || thrown.signal === undefined) return EXIT.error
  return 128 + constants.signals[thrown.signal]
}

function describe(thrown: unknown): string {
  if (thrown instanceof AirworthyApiError) return `${thrown.code}: ${thrown.message}`
  if (thrown instanceof StartError) return thrown.message
  if (thrown instanceof Error) return thrown.message
  return String(thrown)
}

async function main(): Promise<void> {
  const options = readOptions()
  if (options.isHelp) return console.log(USAGE)
  const progress = showProgress(options.isJson ? process.stderr : process.stdout)
  const controller = new AbortController()
  const interrupt = (cause: Interruption) => controller.abort(cause)
  const fleet = assembleFleet(interrupt)
  listenForSignals(interrupt, fleet.kill)
  try {
    await flyAndServe({ options, progress, signal: controller.signal, fleet })
  } finally {
    progress.end()
    await fleet.stop()
  }
}

try {
  await main()
} catch (thrown) {
  const usage = thrown instanceof UsageError ? `\n${USAGE}` : ''
  console.error(`airworthy: ${describe(thrown)}${usage}`)
  process.exitCode = exitCodeOf(thrown)
}
