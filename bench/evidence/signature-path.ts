// What a signed request costs the gateway, and whether any that was changed gets through. The same
// model calls are made plain and signed, in turn; the processor time of the gateway's process, and
// of the database's, is what the kernel counted. Signed ones are answered with a signed reply.
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { createSigner, generateSigningKey, type RequestSigner, signRequest } from '@airworthy/sdk'
import { Client } from 'pg'
import { Agent, request as undiciRequest } from 'undici'
import { type Airworthy, startAirworthy } from '../airworthy.ts'
import { median, percentile, round } from '../figures.ts'
import { startFakeUpstream } from '../gateway/fake-upstream.ts'
import { benchManifest } from '../gateway/manifest.ts'
import { processorSeconds } from '../gateway/process-figures.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const addedMsMax = 0.3
const rounds = 20
const quickRounds = 12
const callsPerRound = 800
const concurrency = 16
const alteredCount = 300
const verificationsCount = 500
const body = JSON.stringify({
  model: 'fake-model',
  messages: [{ role: 'user', content: 'What is the state of my order? '.repeat(30) }],
})

type Caller = {
  readonly apiKey: string
  /** Of the agent's session: `/s/...`. */
  readonly base: string
  readonly signer: RequestSigner | undefined
}
type Ready = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
/** `verifyMs`: of one Ed25519 verification in this process, to know the machine by. */
type Pair = {
  readonly plain: Measured
  readonly signed: Measured
  readonly verifyMs: number
}
type Measured = { readonly gatewayMs: number; readonly databaseMs: number; readonly p50Ms: number }

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const upstream = opened.use(await startFakeUpstream())
  const server = opened.use(await startAirworthy())
  const database = new Client({ connectionString: server.databaseUrl })
  await database.connect()
  opened.defer(() => database.end())
  const dispatcher = new Agent({ connections: concurrency })
  opened.defer(() => dispatcher.close())
  const ground = { server, database, dispatcher }
  const models = [{ name: 'fake-model', baseUrl: `${upstream.url}/v1` }]
  const plain = await enrol(server, models, false)
  const signed = await enrol(server, models, true)
  log('warming up')
  for (const caller of [plain, signed]) await measure(ground, caller)
  const pairs: Pair[] = []
  for (let turn = 1; turn <= (quick ? quickRounds : rounds); turn += 1) {
    const pair = {
      plain: await measure(ground, plain),
      signed: await measure(ground, signed),
      verifyMs: timeVerification(),
    }
    pairs.push(pair)
    const added = pair.signed.gatewayMs - pair.plain.gatewayMs
    log(`round ${turn}: ${round(pair.plain.gatewayMs, 3)} ms plain, ${round(added, 3)} ms more`)
  }
  const asked = upstream.arrivals()
  log(`${alteredCount} requests that are not as they were signed`)
  const altered = await sendAltered(ground, signed)
  // Other work on the machine adds to the processor time of both, and never takes any away: the
  // smallest of each is nearest to what the gateway itself costs.
  const least = (of: (pair: Pair) => number): number => Math.min(...pairs.map(of))
  const plainGatewayMs = least((pair) => pair.plain.gatewayMs)
  const addedGatewayMs = least((pair) => pair.signed.gatewayMs) - plainGatewayMs
  const addedDatabaseMs =
    least((pair) => pair.signed.databaseMs) - least((pair) => pair.plain.databaseMs)
  const verifyMs = least((pair) => pair.verifyMs)
  const medianAddedMs = median(pairs.map((p) => p.signed.gatewayMs - p.plain.gatewayMs))
  return {
    callsPerRound,
    rounds: pairs.length,
    plainGatewayMs: round(plainGatewayMs, 3),
    addedGatewayMs: round(addedGatewayMs, 3),
    addedGatewayMsMedian: round(medianAddedMs, 3),
    verifyMs: round(verifyMs, 3),
    addedDatabaseMs: round(addedDatabaseMs, 3),
    addedLatencyMsP50: round(median(pairs.map((p) => p.signed.p50Ms - p.plain.p50Ms)), 3),
    altered: { sent: alteredCount, ...altered },
    holds: addedGatewayMs <= addedMsMax && altered.accepted === 0 && upstream.arrivals() === asked,
  }
}

function timeVerification(): number {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const message = Buffer.alloc(800, 'a')
  const signature = sign(null, message, privateKey)
  const began = process.cpuUsage()
  for (let n = 0; n < verificationsCount; n += 1) verify(null, message, publicKey, signature)
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1000 / verificationsCount
}

async function enrol(
  server: Airworthy,
  models: { name: string; baseUrl: string }[],
  isSigned: boolean,
): Promise<Caller> {
  const name = isSigned ? 'signs' : 'plain'
  const manifest = benchManifest(models, { name })
  const { agent, apiKey } = await server.client.enrolAgent({ manifest, file: 'agent.json' })
  const { sessionKey } = await server.client.openSession({ agent: name, task: 'signature-path' })
  const base = `/s/${sessionKey}`
  if (!isSigned) return { apiKey: apiKey ?? '', base, signer: undefined }
  const { privateJwk, publicJwk } = await generateSigningKey()
  const { thumbprint } = await server.client.addPublicKey(agent.id, { jwk: { ...publicJwk } })
  const bound = await server.client.issueKey(agent.id, { thumbprint })
  return { apiKey: bound.apiKey, base, signer: await createSigner(privateJwk) }
}

type Ground = {
  readonly server: Airworthy
  readonly database: Client
  readonly dispatcher: Agent
}

/** Signed before the clock runs: what signing costs is the agent's. */
async function prepare({ server }: Ground, { apiKey, base, signer }: Caller): Promise<Ready> {
  const path = `${base}/v1/chat/completions`
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  if (signer === undefined) return { path, headers, body }
  const request = {
    method: 'POST',
    url: new URL(`${server.url}${path}`),
    headers: new Headers(headers),
    body: new TextEncoder().encode(body),
  }
  const signed = await signRequest(request, { signer, now: Date.now })
  return { path, headers: { ...headers, ...signed.headers }, body }
}

async function measure(ground: Ground, caller: Caller): Promise<Measured> {
  const { server, database } = ground
  const ready = await Promise.all(
    Array.from({ length: callsPerRound }, () => prepare(ground, caller)),
  )
  const latencies: number[] = []
  const backends = await backendPids(database)
  const before = [await processorSeconds(server.pid), await totalSeconds(backends)] as const
  const next = ready.values()
  const work = async (): Promise<void> => {
    for (const one of next) {
      const began = performance.now()
      const status = await send(ground, one)
      latencies.push(performance.now() - began)
      if (status !== 200) throw new Error(`a call was answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  const after = [await processorSeconds(server.pid), await totalSeconds(backends)] as const
  return {
    gatewayMs: ((after[0] - before[0]) * 1000) / callsPerRound,
    databaseMs: ((after[1] - before[1]) * 1000) / callsPerRound,
    p50Ms: percentile(latencies, 0.5),
  }
}

async function send({ server, dispatcher }: Ground, ready: Ready): Promise<number> {
  const url = `${server.url}${ready.path}`
  const { headers } = ready
  const reply = await undiciRequest(url, { dispatcher, method: 'POST', headers, body: ready.body })
  await reply.body.dump()
  return reply.statusCode
}

/** One character of one signed part is another, in each. */
async function sendAltered(
  ground: Ground,
  caller: Caller,
): Promise<{ accepted: number; refused: number }> {
  const counts = { accepted: 0, refused: 0 }
  const parts = [
    'body',
    'path',
    'content-digest',
    'signature',
    'signature-input',
    'signature-agent',
  ]
  for (let n = 0; n < alteredCount; n += 1) {
    const ready = await prepare(ground, caller)
    const part = parts[n % parts.length] ?? ''
    const place = Math.floor(n / parts.length) / (alteredCount / parts.length)
    const changed =
      part === 'body'
        ? { ...ready, body: change(ready.body, place) }
        : part === 'path'
          ? { ...ready, path: `${ready.path}?n=${n}` }
          : {
              ...ready,
              headers: { ...ready.headers, [part]: change(ready.headers[part] ?? '', place) },
            }
    const status = await send(ground, changed)
    if (status === 401 || status === 400) counts.refused += 1
    else counts.accepted += 1
  }
  return counts
}

function change(text: string, place: number): string {
  const at = Math.floor(place * text.length)
  return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
}

async function backendPids(database: Client): Promise<number[]> {
  const { rows } = await database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'`,
  )
  return rows.map(({ pid }) => pid)
}

async function totalSeconds(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map((pid) => processorSeconds(pid).catch(() => 0)))
  return each.reduce((sum, seconds) => sum + seconds, 0)
}
