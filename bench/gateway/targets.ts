// What is measured: the fake upstream itself, the bare proxy, the durable floor, and Airworthy.

import { fileURLToPath } from 'node:url'
import { startAirworthy, type Airworthy } from '../airworthy.ts'
import { startProgram, textField } from '../processes.ts'
import type { PlannedRequest } from './load.ts'
import { benchManifest } from './manifest.ts'

export type TargetName = 'direct' | 'dispatch' | 'floor' | 'airworthy'
export type Kind = 'json' | 'sse'
/** How the fake upstream answers: at once, after 50 ms, or with 1 ms between frames. */
export type Pace = 'plain' | 'delay-50' | 'gap-1'

export type Target = {
  readonly name: TargetName
  readonly origin: string
  /** Of the process that serves: its memory and processor time are read. */
  readonly pid: number
  request(kind: Kind, pace: Pace): PlannedRequest
  readonly stop: () => Promise<void>
}

const here = fileURLToPath(new URL('./', import.meta.url))

export async function startDirect(): Promise<Target> {
  return startPlain('direct', ['fake-upstream.ts'])
}

export async function startDispatch(upstream: string): Promise<Target> {
  return startPlain('dispatch', ['proxy.ts', upstream])
}

export async function startFloor(upstream: string, databaseUrl: string): Promise<Target> {
  return startPlain('floor', ['durable-floor.ts', upstream, databaseUrl])
}

async function startPlain(name: TargetName, [file = '', ...rest]: string[]): Promise<Target> {
  const program = await startProgram({ name, args: [`${here}${file}`, ...rest] })
  return {
    name,
    origin: textField(program.ready, 'listening'),
    pid: program.pid,
    request: (kind, pace) => ({
      paths: [`${upstreamPath(pace)}/chat/completions`],
      headers: headers('none'),
      body: body(kind, pace),
    }),
    stop: program.stop,
  }
}

/** The server with everything on: an enrolled agent, `sessions` opened sessions, a pact with rules. */
export async function startGateway(options: {
  upstream: string
  sessions: number
  databaseUrl: string | undefined
}): Promise<{ target: Target; airworthy: Airworthy }> {
  const { upstream, sessions, databaseUrl } = options
  const airworthy = await startAirworthy({ databaseUrl })
  try {
    const manifest = benchManifest(
      paces.map((pace) => ({ name: modelName(pace), baseUrl: `${upstream}${upstreamPath(pace)}` })),
    )
    const enrolled = await airworthy.client.enrolAgent({ manifest, file: 'bench.yaml' })
    const keys = await openSessions(airworthy, enrolled.agent.id, sessions)
    const { apiKey } = enrolled
    if (apiKey === null)
      throw new Error('the bench agent was enrolled before: use a fresh database')
    const target: Target = {
      name: 'airworthy',
      origin: airworthy.url,
      pid: airworthy.pid,
      request: (kind, pace) => ({
        paths: keys.map((key) => `/s/${key}/v1/chat/completions`),
        headers: headers(apiKey),
        body: body(kind, pace),
      }),
      stop: airworthy.stop,
    }
    return { target, airworthy }
  } catch (thrown) {
    await airworthy.stop()
    throw thrown
  }
}

async function openSessions(airworthy: Airworthy, agent: string, count: number): Promise<string[]> {
  const keys: string[] = []
  for (let index = 0; index < count; index += 1) {
    const opened = await airworthy.client.openSession({ agent, task: `bench ${index}` })
    keys.push(opened.sessionKey)
  }
  return keys
}

const paces: readonly Pace[] = ['plain', 'delay-50', 'gap-1']

function upstreamPath(pace: Pace): string {
  return pace === 'plain' ? '/v1' : `/${pace}/v1`
}

function modelName(pace: Pace): string {
  return `fake-${pace}`
}

function headers(apiKey: string): Record<string, string> {
  return { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` }
}

const systemText =
  'You are the support agent of a small shop. You may look up customers and orders, cancel what is ' +
  'pending and refund what was returned, always after the customer has been found. Answer briefly. '
const userText =
  'Hello, my parcel was to arrive on Tuesday, and now it is Friday. The order is #W5918442 and my ' +
  'name is Sofia Rossi, zip 78784. Where is it, and can I still change the address to my office? ' +
  'If not, I would like to cancel the desk lamp and keep the other two things, please. '

/** About 0.9 KB, the size of a short conversation. */
function body(kind: Kind, pace: Pace): string {
  return JSON.stringify({
    model: modelName(pace),
    messages: [
      { role: 'system', content: systemText.repeat(2) },
      { role: 'user', content: userText },
    ],
    temperature: 0,
    max_tokens: 256,
    stream: kind === 'sse',
    ...(kind === 'sse' ? { stream_options: { include_usage: true } } : {}),
  })
}
