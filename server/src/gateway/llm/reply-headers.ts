// The headers of a reply: what happened to the call, and what of the provider's own goes on.
import { headers } from '@airworthy/sdk'
import type { IncomingHttpHeaders } from 'node:http'
import { markHeaders } from '../http/replies.ts'
import { decisionOf, type Forwarding } from './forwarding.ts'

/** What happened on the way of a call to its upstream. */
export type CourseMark = {
  /** Undefined where none was asked. */
  readonly endpoint: string | undefined
  readonly attempts: number
}

export function callHeaders(
  { result, input, prepared }: Forwarding,
  { endpoint, attempts }: CourseMark,
): Record<string, string> {
  const marks = markHeaders({ ...result, decision: decisionOf(result) })
  if (endpoint !== undefined) marks[headers.endpoint] = endpoint
  marks[headers.attempts] = String(attempts)
  const { model } = prepared
  if (model !== undefined && model.name !== input.request.model) marks[headers.model] = model.name
  return marks
}

/** Of the provider: ids to ask it about, and what it says of its limits. */
const passedNames: ReadonlySet<string> = new Set([
  'x-request-id',
  'request-id',
  'openai-processing-ms',
  'openai-version',
  'openai-model',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
])
const passedPrefix = /^(?:x-ratelimit-|anthropic-ratelimit-)[a-z0-9-]{1,64}$/
const passedMax = 40
const valueLengthMax = 1000

export function passedHeaders(upstream: IncomingHttpHeaders): Record<string, string> {
  const passed: Record<string, string> = {}
  let count = 0
  for (const name in upstream) {
    const isNamed = passedNames.has(name)
    if (!isNamed && !passedPrefix.test(name)) continue
    const value = upstream[name]
    if (typeof value !== 'string' || value.length > valueLengthMax) continue
    passed[name] = value
    count += 1
    if (count >= passedMax) break
  }
  return passed
}
