// The load generator, a process of its own so that it shares no event loop with what it measures.
// Takes a plan as JSON in its first argument and prints what it saw as one JSON line.

import autocannon from 'autocannon'
import { percentile, round } from '../figures.ts'

export type PlannedRequest = {
  /** One for each session; connection i uses the path i, modulo their number. */
  readonly paths: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type LoadPlan = {
  readonly origin: string
  readonly request: PlannedRequest
  readonly connections: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

export type LoadFigures = {
  readonly requestsPerSecond: number
  readonly latencyMsP50: number
  readonly latencyMsP99: number
  readonly answered: number
  /** Replies before the measured time began. */
  readonly answeredWarmingUp: number
  /** Replies that are not 2xx, broken connections and timeouts. */
  readonly failed: number
  readonly bytesPerReply: number
}

const replyWithinSeconds = 20
const samplesMax = 2_000_000

type Measured = Omit<LoadFigures, 'answeredWarmingUp'>

async function measure(plan: LoadPlan, seconds: number): Promise<Measured> {
  const { paths, headers, body } = plan.request
  let connection = 0
  const instance = autocannon({
    url: plan.origin,
    connections: plan.connections,
    duration: seconds,
    timeout: replyWithinSeconds,
    setupClient(client) {
      const path = paths[connection % paths.length] ?? '/'
      connection += 1
      client.setRequests([{ method: 'POST', path, headers: { ...headers }, body }])
    },
  })
  const latencies: number[] = []
  instance.on('response', (_client, _status, _bytes, responseMs) => {
    if (latencies.length < samplesMax) latencies.push(responseMs)
  })
  const result = await instance
  return {
    requestsPerSecond: round(result['2xx'] / result.duration, 1),
    latencyMsP50: latencies.length === 0 ? 0 : round(percentile(latencies, 0.5), 3),
    latencyMsP99: latencies.length === 0 ? 0 : round(percentile(latencies, 0.99), 3),
    answered: result['2xx'],
    failed: result.non2xx + result.errors + result.timeouts,
    bytesPerReply: round(result.throughput.total / Math.max(1, result['2xx']), 0),
  }
}

const plan: LoadPlan = JSON.parse(process.argv[2] ?? '')
const warmUp = plan.warmUpSeconds > 0 ? await measure(plan, plan.warmUpSeconds) : undefined
const figures = await measure(plan, plan.seconds)
process.stdout.write(
  `${JSON.stringify({ ...figures, answeredWarmingUp: warmUp?.answered ?? 0 })}\n`,
)
