// Load of all kinds on one gateway: whole replies and streams, on the same and on another wire, text
// and tool calls, clients that leave, faults; and new sessions all the time.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { FakeProvider } from '../../../examples/provider/server.ts'
import type { Airworthy } from '../../airworthy.ts'
import type { Ask, ClientApi, Wanted } from './ask.ts'
import { callModel } from './call.ts'
import { drawer } from './draw.ts'
import { endpointOf, openAccess } from './ground.ts'
import { judge, type Outcome } from './judge.ts'

export type MixedLoad = {
  /** Of all that has come so far. */
  readonly outcomes: Readonly<Partial<Record<Outcome['kind'], number>>>
  readonly malformed: readonly string[]
  readonly stop: () => Promise<void>
}

const workers = 12
const pauseMs = 15
const callsOfSession = 100
const leaversPercent = 10
const leavesWithinMs = 80
const withinMs = 15_000
const silenceMs = 500
const rarely = 0.01
const apis: readonly ClientApi[] = ['chat', 'responses', 'messages']
const models = ['same', 'other'] as const

export const mixedFaults = {
  seed: 'mixed-load',
  faults: [
    { name: 'latency', probability: 0.3, options: { ms: 30, chunkMs: 2 } },
    ...[
      'split-bytes',
      'status-429',
      'status-500',
      'reset-unread',
      'reset-before-reply',
      'reset-mid-body',
      'cut-stream',
      'half-event',
      'error-event',
      'bad-json',
      'silence',
      'silence-mid-body',
      'usage-missing',
      'close-kept-alive',
    ].map((name) => ({ name, probability: rarely })),
  ],
}

/** One model whose endpoints speak the client's wire, and one that is always translated. */
export function mixedModels(providerUrl: string) {
  const given = { name: 'e0', providerUrl, upstreamModel: 'fake' }
  const limits = { timeoutMs: 8000, firstByteTimeoutMs: silenceMs, idleTimeoutMs: silenceMs }
  const openai = { ...endpointOf('openai-chat', given), apis: ['chat', 'responses'] }
  const anthropic = endpointOf('anthropic', { ...given, name: 'e1' })
  const chatOnly = endpointOf('openai-chat', given)
  return [
    { name: 'same', endpoints: [openai, anthropic], ...limits },
    { name: 'other-chat', endpoints: [anthropic], ...limits },
    { name: 'other-responses', endpoints: [anthropic], ...limits },
    { name: 'other-messages', endpoints: [chatOnly], ...limits },
  ]
}

export function startMixedLoad(ground: {
  readonly airworthy: Airworthy
  readonly provider: FakeProvider
  readonly agent: string
  readonly apiKey: string
  readonly seed: number
}): MixedLoad {
  const { airworthy, provider, agent, apiKey, seed } = ground
  provider.setFaults(mixedFaults)
  const outcomes: Partial<Record<Outcome['kind'], number>> = {}
  const malformed: string[] = []
  const stopping = new AbortController()
  const pool = new Pool(airworthy.url, { connections: workers })
  let calls = 0
  const work = async (index: number): Promise<void> => {
    const draw = drawer(seed * 1000 + index)
    while (!stopping.signal.aborted) {
      const access = await openAccess(airworthy, { agent, apiKey })
      for (let of = 0; of < callsOfSession && !stopping.signal.aborted; of += 1) {
        calls += 1
        const ask = drawAsk(draw, `mixed-${seed}-${calls}`)
        const leavesAfterMs = draw(100) < leaversPercent ? draw(leavesWithinMs) : undefined
        const seen = await callModel(pool, access, { ask, withinMs, leavesAfterMs })
        const { kind, detail } = judge(ask, seen)
        outcomes[kind] = (outcomes[kind] ?? 0) + 1
        if (kind === 'malformed') malformed.push(`${ask.api} ${ask.model}: ${detail}`)
        await sleep(pauseMs)
      }
    }
  }
  const working = Promise.all(Array.from({ length: workers }, (_each, index) => work(index)))
  return {
    outcomes,
    malformed,
    stop: async () => {
      stopping.abort()
      await working
      await pool.close()
    },
  }
}

function drawAsk(draw: (below: number) => number, user: string): Ask {
  const api = apis[draw(apis.length)] ?? 'chat'
  const kind = models[draw(models.length)] ?? 'same'
  const wanted: Wanted =
    draw(4) === 0
      ? { kind: 'tool', arguments: { city: `City ${draw(1000)}`, days: [draw(7)] } }
      : { kind: 'tokens', count: 10 + draw(100) }
  const model = kind === 'same' ? kind : `other-${api}`
  return { api, model, user, stream: draw(2) === 0, wanted }
}
