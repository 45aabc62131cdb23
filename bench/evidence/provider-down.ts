// One of two providers goes down under load: it resets every connection, refuses them, or takes
// them and says nothing. No client may see an error, the slowest may wait one timeout more, and the
// provider is out of traffic within five seconds and back within ten of its recovery.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { type FakeProvider, startFakeProvider } from '../../examples/provider/server.ts'
import { startAirworthy, type Airworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const clients = 8
const pauseMs = 40
const firstByteTimeoutMs = 1000
const ejectedWithinMs = 5000
const backWithinMs = 10_000
const pollMs = 50
const ways = ['reset', 'refuse', 'silent'] as const

type Way = (typeof ways)[number]
type Reply = {
  readonly atMs: number
  readonly tookMs: number
  readonly ok: boolean
  endpoint: string
}

type Drill = {
  readonly way: Way
  readonly calls: number
  readonly errors: number
  readonly firstCallOk: boolean
  readonly p99WellMs: number
  readonly p99DownMs: number
  readonly p99AddedMs: number
  readonly ejectedMs: number | null
  readonly askedWhileDown: number
  readonly backMs: number | null
  readonly holds: boolean
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using airworthy = await startAirworthy()
  const drills: Drill[] = []
  for (const way of ways) {
    const drill = await runDrill(airworthy, way, quick ? 10_000 : 30_000)
    drills.push(drill)
    log(
      `${way}: ${drill.calls} calls, ${drill.errors} errors, p99 ${drill.p99WellMs} -> ` +
        `${drill.p99DownMs} ms, ejected after ${drill.ejectedMs} ms, back after ${drill.backMs} ms`,
    )
  }
  const holds = drills.every((drill) => drill.holds)
  return { clients, firstByteTimeoutMs, ejectedWithinMs, backWithinMs, drills, holds }
}

async function runDrill(airworthy: Airworthy, way: Way, downMs: number): Promise<Drill> {
  await using going = await startFakeProvider()
  await using staying = await startFakeProvider()
  const agent = `provider-down-${way}`
  const call = await enrol(airworthy, agent, { going, staying })
  const replies: Reply[] = []
  const stopping = new AbortController()
  const load = Array.from({ length: clients }, async () => {
    while (!stopping.signal.aborted) {
      replies.push(await call())
      await sleep(pauseMs)
    }
  })
  await sleep(3000)
  const downAtMs = performance.now()
  await going.setConnections(way)
  const ejectedMs = await measure(downAtMs, ejectedWithinMs * 2, () =>
    isOut(airworthy, `${going.url}/vllm/v1`),
  )
  await sleep(Math.max(0, downAtMs + downMs - performance.now()))
  const upAtMs = performance.now()
  await going.setConnections('ok')
  const isBack = (): boolean =>
    replies.some(({ atMs, ok, endpoint }) => atMs >= upAtMs && ok && endpoint === 'going')
  const backMs = await measure(upAtMs, backWithinMs * 2, isBack)
  await sleep(1000)
  stopping.abort()
  await Promise.all(load)
  return judge({ way, replies, downAtMs, upAtMs, ejectedMs, backMs })
}

function judge(found: {
  readonly way: Way
  readonly replies: readonly Reply[]
  readonly downAtMs: number
  readonly upAtMs: number
  readonly ejectedMs: number | null
  readonly backMs: number | null
}): Drill {
  const { way, replies, downAtMs, upAtMs, ejectedMs, backMs } = found
  // The first calls compile what they run.
  const well = replies.filter(({ atMs }) => atMs < downAtMs).slice(clients * 5)
  const down = replies.filter(({ atMs }) => atMs >= downAtMs && atMs < upAtMs)
  const errors = replies.filter(({ ok }) => !ok).length
  const p99WellMs = p99(well)
  const p99DownMs = p99(down)
  const p99AddedMs = Math.max(0, p99DownMs - p99WellMs)
  const firstCallOk = down[0]?.ok === true
  const holds =
    errors === 0 &&
    firstCallOk &&
    // Who met the timeout waits for it, and then for a call like any other.
    p99AddedMs <= firstByteTimeoutMs + p99WellMs &&
    ejectedMs !== null &&
    ejectedMs <= ejectedWithinMs &&
    backMs !== null &&
    backMs <= backWithinMs
  return {
    way,
    calls: replies.length,
    errors,
    firstCallOk,
    p99WellMs,
    p99DownMs,
    p99AddedMs,
    ejectedMs,
    askedWhileDown: down.filter(({ endpoint }) => endpoint === 'going').length,
    backMs,
    holds,
  }
}

/** How long it took from `fromMs` until the answer is yes; null when it never was. */
async function measure(
  fromMs: number,
  withinMs: number,
  ask: () => boolean | Promise<boolean>,
): Promise<number | null> {
  while (performance.now() - fromMs < withinMs) {
    if (await ask()) return Math.round(performance.now() - fromMs)
    await sleep(pollMs)
  }
  return null
}

async function isOut(airworthy: Airworthy, upstream: string): Promise<boolean> {
  const { upstreams } = await airworthy.client.listUpstreams()
  const found = upstreams.find((each) => each.upstream === upstream)
  return found !== undefined && found.state !== 'closed'
}

function p99(replies: readonly Reply[]): number {
  const sorted = replies.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)
  return Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0)
}

/** Enrols an agent whose model has both providers in one tier; gives what makes one call. */
async function enrol(
  airworthy: Airworthy,
  agent: string,
  providers: Readonly<Record<'going' | 'staying', FakeProvider>>,
): Promise<() => Promise<Reply>> {
  const endpoints = Object.entries(providers).map(([name, { url }]) => ({
    name,
    wire: 'openai',
    baseUrl: `${url}/vllm/v1`,
  }))
  const manifest = JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: agent, owner: 'bench@example.com', stakes: 'low' },
    models: [
      {
        name: 'fake',
        endpoints,
        prices: { inputPerMillionUsd: '0.40', outputPerMillionUsd: '1.60' },
        maxOutputTokens: 256,
        timeoutMs: 30_000,
        firstByteTimeoutMs,
      },
    ],
    limits: { session: { calls: 1_000_000, tokens: 1_000_000_000 } },
    pact: { permissions: [{ id: 'models', effect: 'allow', models: ['*'] }] },
  })
  const { apiKey } = await airworthy.client.enrolAgent({ manifest, file: `${agent}.json` })
  const { sessionKey } = await airworthy.client.openSession({ agent })
  const pool = new Pool(airworthy.url, { connections: clients })
  const body = JSON.stringify({
    model: 'fake',
    messages: [{ role: 'user', content: 'say exactly: ready' }],
    max_tokens: 16,
  })
  return async () => {
    const atMs = performance.now()
    const reply = await pool.request({
      method: 'POST',
      path: `/s/${sessionKey}/v1/chat/completions`,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey ?? ''}` },
      body,
    })
    await reply.body.dump()
    const endpoint = String(reply.headers['airworthy-endpoint'] ?? '')
    const tookMs = performance.now() - atMs
    return { atMs, tookMs, ok: reply.statusCode === 200, endpoint }
  }
}
