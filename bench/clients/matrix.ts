// The matrix: official clients x features x upstream kinds, through the real program.
import { AssertionError } from 'node:assert'
import { type FakeProvider, startFakeProvider } from '../../examples/provider/server.ts'
import { type Airworthy, startAirworthy } from '../airworthy.ts'
import { aiSdkClients } from './ai-sdk.ts'
import { anthropicSdk } from './anthropic.ts'
import { type Feature, features, type Ground, type MatrixClient } from './feature.ts'
import { langchainClients } from './langchain.ts'
import { openaiChat, openaiEmbeddings, openaiResponses } from './openai.ts'
import { keyVariable, matrixManifest, type Upstream, upstreams } from './upstreams.ts'

export const clients: readonly MatrixClient[] = [
  openaiChat,
  openaiResponses,
  openaiEmbeddings,
  anthropicSdk,
  ...aiSdkClients,
  ...langchainClients,
]

export type Cell = {
  readonly client: string
  readonly feature: Feature
  readonly upstream: string
  readonly isSameWire: boolean
  /** `refused`: by name, because the feature has no place on the upstream's wire. */
  readonly result: 'pass' | 'refused' | 'fail'
  /** The field that was refused, or what went wrong. */
  readonly detail: string
}

export type Selection = {
  readonly clients: readonly MatrixClient[]
  readonly upstreams: readonly Upstream[]
  readonly isChosen: (cell: {
    client: MatrixClient
    feature: Feature
    upstream: Upstream
  }) => boolean
}

export type MatrixRun = {
  readonly cells: readonly Cell[]
  readonly settledTokens: number
  readonly billedTokens: number
}

export const everything: Selection = { clients, upstreams, isChosen: () => true }

const agentName = 'client-matrix'
const abortingAgentName = 'client-matrix-aborting'
const cellWithinMs = 20_000
const detailCharsMax = 300

export async function runMatrix(
  selection: Selection,
  log: (line: string) => void,
): Promise<MatrixRun> {
  await using opened = new AsyncDisposableStack()
  const provider = opened.use(await startFakeProvider())
  const server = opened.use(await startAirworthy({ env: { [keyVariable]: 'sk-fake-provider' } }))
  const enrolAs = (name: string) => enrol(server, provider, { name, kinds: selection.upstreams })
  const access = await enrolAs(agentName)
  // What is left of an aborted stream stays unknown: it would blur what the others settle.
  const abortingAccess = await enrolAs(abortingAgentName)
  const cells: Cell[] = []
  for (const client of selection.clients) {
    const before = cells.length
    for (const upstream of selection.upstreams) {
      for (const feature of features) {
        const session = feature === 'abort' ? abortingAccess : access
        const ground = { ...session, model: upstream.name, upstream, provider }
        if (!selection.isChosen({ client, feature, upstream })) continue
        const cell = await runCell({ client, feature, ground })
        if (cell !== undefined) cells.push(cell)
      }
    }
    log(`${client.name}: ${count(cells.slice(before))}`)
  }
  return { cells, ...(await compareBooks(server, provider)) }
}

export function count(cells: readonly Cell[]): string {
  const of = (result: Cell['result']): number =>
    cells.filter((cell) => cell.result === result).length
  return `${of('pass')} pass, ${of('refused')} refused by name, ${of('fail')} fail`
}

/** What speaks the client's own wire must pass; nothing may fail; the books must agree. */
export function holds({ cells, settledTokens, billedTokens }: MatrixRun): boolean {
  return settledTokens === billedTokens && cells.every(isGood)
}

export function isGood({ result, isSameWire }: Cell): boolean {
  return result === 'pass' || (result === 'refused' && !isSameWire)
}

/** Of all that was neither aborted nor broken: what the gateway settled, and what the fake bills. */
async function compareBooks(
  server: Airworthy,
  provider: FakeProvider,
): Promise<{ settledTokens: number; billedTokens: number }> {
  const { budgets } = await server.client.getAgent(agentName)
  const budget = budgets.find(({ scope, unit }) => scope === 'agent' && unit === 'tokens')
  const billed = provider.books.entries().filter(({ outcome }) => outcome === 'finished')
  return {
    settledTokens: Number(budget?.settled),
    billedTokens: billed.reduce((sum, one) => sum + one.promptTokens + one.outputTokens, 0),
  }
}

async function enrol(
  server: Airworthy,
  provider: FakeProvider,
  agent: { name: string; kinds: readonly Upstream[] },
): Promise<{ url: string; apiKey: string }> {
  const manifest = matrixManifest(provider, agent)
  const { apiKey } = await server.client.enrolAgent({ manifest, file: `${agent.name}.json` })
  if (apiKey === null) throw new Error('the agent was enrolled before')
  const { sessionKey } = await server.client.openSession({ agent: agent.name })
  return { url: `${server.url}/s/${sessionKey}`, apiKey }
}

async function runCell(asked: {
  client: MatrixClient
  feature: Feature
  ground: Ground
}): Promise<Cell | undefined> {
  const { client, feature, ground } = asked
  const run = client.features[feature]
  if (run === undefined) return undefined
  const isSameWire = ground.upstream.apis.includes(client.api)
  const cell = { client: client.name, feature, upstream: ground.upstream.name, isSameWire }
  try {
    await withinTime(run(ground))
    return { ...cell, result: 'pass', detail: '' }
  } catch (thrown) {
    const text = textOf(thrown)
    const isRefused = /request\.untranslatable|no endpoint of the model \S+ serves/.test(text)
    const detail = (isRefused ? refusalOf(text) : text).slice(0, detailCharsMax)
    return { ...cell, result: isRefused ? 'refused' : 'fail', detail }
  }
}

async function withinTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the cell took too long')), cellWithinMs)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** All that an error says, its body and its causes included: clients hide the code in many places. */
function textOf(thrown: unknown): string {
  const texts: string[] = []
  let next: unknown = thrown
  for (let depth = 0; depth < 4 && next instanceof Error; depth += 1) {
    texts.push(next instanceof AssertionError ? next.message : `${next.name}: ${next.message}`)
    for (const name of ['error', 'responseBody', 'data', 'actual']) {
      const value: unknown = Reflect.get(next, name)
      if (typeof value === 'string') texts.push(value)
      else if (typeof value === 'object' && value !== null) texts.push(safeJson(value))
    }
    next = next.cause ?? Reflect.get(next, 'lastError')
  }
  return texts.length > 0 ? texts.join(' · ') : String(thrown)
}

function safeJson(value: object): string {
  try {
    return value instanceof Error ? `${value.name}: ${value.message}` : JSON.stringify(value)
  } catch {
    // An object in a circle has nothing to tell here.
    return ''
  }
}

/** The sentence of the refusal: it names the field. */
function refusalOf(text: string): string {
  const [, message] = /"message":"((?:[^"\\]|\\.)*)"/.exec(text) ?? []
  return (message ?? text).replaceAll('\\"', '"')
}
