// Time to the first byte of a stream's body, one request at a time over one kept connection.
// Takes a plan as JSON in its first argument and prints what it saw as one JSON line.

import { Agent, request as httpRequest } from 'node:http'
import { percentile, round } from '../figures.ts'
import type { PlannedRequest } from './load.ts'

export type FirstBytePlan = {
  readonly origin: string
  readonly request: PlannedRequest
  readonly warmUp: number
  readonly samples: number
}

export type FirstByteFigures = {
  readonly firstByteMsP50: number
  readonly firstByteMsP99: number
  readonly lastByteMsP50: number
  readonly failed: number
}

type Sample = { readonly firstMs: number; readonly lastMs: number; readonly isOk: boolean }

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const replyWithinMs = 20_000

async function ask(plan: FirstBytePlan): Promise<Sample> {
  const { promise, resolve, reject } = Promise.withResolvers<Sample>()
  const { paths, headers, body } = plan.request
  const [path = '/'] = paths
  const sent = performance.now()
  const request = httpRequest(
    new URL(path, plan.origin),
    { method: 'POST', agent, timeout: replyWithinMs, headers },
    (response) => {
      let firstMs = Number.NaN
      response.on('data', () => {
        if (Number.isNaN(firstMs)) firstMs = performance.now() - sent
      })
      response.once('end', () => {
        const lastMs = performance.now() - sent
        resolve({ firstMs, lastMs, isOk: response.statusCode === 200 && !Number.isNaN(firstMs) })
      })
      response.once('error', reject)
    },
  )
  request.once('timeout', () => request.destroy(new Error('no reply in time')))
  request.once('error', reject)
  request.end(body)
  return promise
}

async function measure(plan: FirstBytePlan): Promise<FirstByteFigures> {
  for (let index = 0; index < plan.warmUp; index += 1) await ask(plan)
  const samples: Sample[] = []
  for (let index = 0; index < plan.samples; index += 1) samples.push(await ask(plan))
  const good = samples.filter((sample) => sample.isOk)
  const firsts = good.map((sample) => sample.firstMs)
  const lasts = good.map((sample) => sample.lastMs)
  return {
    firstByteMsP50: good.length === 0 ? 0 : round(percentile(firsts, 0.5), 3),
    firstByteMsP99: good.length === 0 ? 0 : round(percentile(firsts, 0.99), 3),
    lastByteMsP50: good.length === 0 ? 0 : round(percentile(lasts, 0.5), 3),
    failed: samples.length - good.length,
  }
}

const plan: FirstBytePlan = JSON.parse(process.argv[2] ?? '')
process.stdout.write(`${JSON.stringify(await measure(plan))}\n`)
agent.destroy()
