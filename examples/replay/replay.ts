// A recording through the gateway: a session and a world per run, then what is on record of them.
import type { Call } from '@airworthy/sdk'
import { toolDefinitions } from '../retail/index.ts'
import { enrolReplayAgent } from './agent.ts'
import type { ReplayAgent } from './agent.ts'
import { connect } from './connection.ts'
import type { Connection, Prompt, Route } from './connection.ts'
import { driveRun } from './driver.ts'
import type { Environment } from './environment.ts'
import { modelOf } from './models.ts'
import type { RecordedModel } from './models.ts'
import { once, patientConnection } from './patience.ts'
import { startRecordedUpstream } from './recorded-upstream.ts'
import type { RecordedUpstream } from './recorded-upstream.ts'
import { figuresOf } from './recording.ts'
import type { Run } from './recording.ts'
import { report } from './report.ts'
import type { FailedRun, InFlight, ReplayedRun, ReplayOptions } from './runs.ts'
import type { ReplayReport } from './report.ts'

const readOnlyTools = new Set<string>(
  toolDefinitions.filter((tool) => tool.kind === 'read').map((tool) => tool.name),
)

/** Drives the runs, `concurrency` at a time. A run that fails does not end the others. */
export async function replayRecording(
  environment: Environment,
  options: ReplayOptions,
): Promise<ReplayReport> {
  const runs = options.recording.runs.slice(0, options.limit ?? options.recording.runs.length)
  const upstream = await startRecordedUpstream(runs, { delayMs: options.upstreamDelayMs ?? 0 })
  await using _ = upstream
  const { manifestFile } = options
  const { client, prompt, shopMcpUrl } = environment
  const model = modelOf(options.recording)
  const attempt = options.attempt ?? once
  const agent = await attempt(() =>
    enrolReplayAgent({ client, manifestFile, shopMcpUrl, model, prompt }),
  )
  const figures = figuresOf(runs)
  const calls = figures.modelCalls + figures.toolCalls
  let progress = { runs: runs.length, runsDone: 0, calls, callsDone: 0 }
  const advance = (step: { runs: number; calls: number }) => {
    const runsDone = progress.runsDone + step.runs
    progress = { ...progress, runsDone, callsDone: progress.callsDone + step.calls }
    options.onProgress?.(progress)
  }
  const replayed: ReplayedRun[] = []
  const failed: FailedRun[] = []
  const queue = [...runs]
  const startedMs = performance.now()
  const work = async () => {
    for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
      const onCall = () => advance({ runs: 0, calls: 1 })
      try {
        replayed.push(
          await replayRun({ environment, options, upstream, agent, model, run, onCall }),
        )
      } catch (error) {
        failed.push({ run: run.index, taskId: run.taskId, error: describe(error) })
      }
      advance({ runs: 1, calls: 0 })
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, work))
  const seconds = (performance.now() - startedMs) / 1000
  const log = await attempt(() => client.getLog())
  return report({ options, model, replayed, failed, upstream: upstream.counts, log, seconds })
}

async function replayRun(input: {
  environment: Environment
  options: ReplayOptions
  upstream: RecordedUpstream
  agent: ReplayAgent
  model: RecordedModel
  run: Run
  onCall: () => void
}): Promise<ReplayedRun> {
  const { environment, options, upstream, agent, model, run, onCall } = input
  const { client, worlds } = environment
  const attempt = options.attempt ?? once
  const opened = await attempt(() =>
    client.openSession({
      agent: agent.name,
      task: 'retail-support',
      endUser: `tau2-task-${run.taskId}`,
      mode: options.mode,
      modelBaseUrl: upstream.baseUrl(run.index),
    }),
  )
  const sessionId = opened.session.id
  const mcpUrl = opened.mcpUrls['retail']
  if (mcpUrl === undefined) throw new Error('the session has no URL for the shop')
  const route = { modelBaseUrl: opened.openaiBaseUrl, mcpUrl, apiKey: agent.apiKey }
  await using connection = await openConnection(route, {
    ...options,
    model: model.name,
    prompt: environment.prompt,
  })
  const outcome = await driveRun({
    run,
    connection,
    servedMs: (turn) => upstream.servedMs(turn),
    isReadOnly: (tool) => readOnlyTools.has(tool),
    onCall,
  })
  await attempt(() => client.closeSession(sessionId))
  const { databaseMatch } = run
  const isJudged = databaseMatch !== null && outcome.stopped === null
  return {
    outcome,
    sessionId,
    calls: await attempt(() => readCalls(environment, sessionId)),
    isVerdictEqual: isJudged
      ? (await worlds.isAsTaskWants(sessionId, run)) === databaseMatch
      : null,
    refusedWritesDone:
      outcome.stopped === null ? 0 : await worlds.countWrites(sessionId, outcome.stopped),
  }
}

async function openConnection(
  route: Route,
  options: ReplayOptions & { model: string; prompt: Prompt },
): Promise<Connection> {
  const { model, prompt, attempt, isStreaming = false, toolTimeoutMs, inFlight } = options
  const timeout = toolTimeoutMs === undefined ? {} : { toolTimeoutMs }
  const retries = attempt === undefined ? {} : { modelRetries: 0 }
  const open = async () => {
    const connection = await connect(route, { model, prompt, isStreaming, ...retries, ...timeout })
    return inFlight === undefined ? connection : counted(connection, inFlight)
  }
  return attempt === undefined ? open() : patientConnection(open, attempt)
}

function counted(connection: Connection, inFlight: InFlight): Connection {
  const during = async <T>(kind: keyof InFlight, call: Promise<T>): Promise<T> => {
    inFlight[kind] += 1
    try {
      return await call
    } finally {
      inFlight[kind] -= 1
    }
  }
  return {
    complete: (messages) => during('model', connection.complete(messages)),
    callTool: (call) => during('tool', connection.callTool(call)),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

async function readCalls({ client }: Environment, sessionId: string): Promise<Call[]> {
  const calls: Call[] = []
  let after: string | null = null
  do {
    const detail = await client.getSession(sessionId, after === null ? {} : { callsAfter: after })
    calls.push(...detail.calls)
    after = detail.callsNext
  } while (after !== null)
  return calls
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`
}
