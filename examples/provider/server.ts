// The fake provider: one process that speaks the wires of many providers, well or with faults, and
// keeps books of what it bills. It thinks nothing and never passes for a real model.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Address, readAddress } from './address.ts'
import { Books } from './books.ts'
import { Connections, type ConnectionState } from './connections.ts'
import { control, isControlPath } from './control.ts'
import { hexOf } from './digest.ts'
import { exchange, type Provider, sendError, sendJson } from './exchange.ts'
import { FaultDrawer, readProgramme } from './faults.ts'
import { PromptCache } from './prompt-cache.ts'
import { readBody } from './read-body.ts'
import { StoredResponses } from './stored-responses.ts'
import { describeModel, listModels } from './wires/models.ts'

export type FakeProvider = {
  /** `http://127.0.0.1:<port>`: behind it `/openai/v1`, `/anthropic/v1`, `/ollama/v1`, ... */
  readonly url: string
  /** The same `/__...` paths, also while the provider is down. */
  readonly controlUrl: string
  readonly books: Books
  /** As `POST /__faults`; throws BadRequest. */
  readonly setFaults: (programme: unknown) => void
  readonly setConnections: (state: ConnectionState) => Promise<void>
} & AsyncDisposable

const host = '127.0.0.1'
const keepAliveMs = 120_000

export async function startFakeProvider(
  options: { readonly port?: number; readonly seed?: string } = {},
): Promise<FakeProvider> {
  const provider: Provider = {
    seed: options.seed ?? 'seed',
    books: new Books(),
    drawer: new FaultDrawer(),
    cache: new PromptCache(),
    stored: new StoredResponses(),
    now: Date.now,
  }
  let number = 0
  let timer: NodeJS.Timeout | undefined
  const setState = async (state: ConnectionState, forMs?: number): Promise<void> => {
    clearTimeout(timer)
    if (forMs !== undefined) timer = setTimeout(() => void connections.set('ok'), forMs)
    await connections.set(state)
  }
  const given = { provider, state: () => connections.state, setState }
  const server = serve((request, response) => {
    if (connections.state === 'silent') return undefined
    if (isControlPath(request.url ?? '')) return control(given, request, response)
    number += 1
    return answer(provider, { request, response, number })
  })
  const controlServer = serve((request, response) => control(given, request, response))
  const connections = new Connections(server, host)
  const controls = new Connections(controlServer, host)
  await connections.listen(options.port ?? 0)
  await controls.listen(0)
  return {
    url: `http://${host}:${connections.port}`,
    controlUrl: `http://${host}:${controls.port}`,
    books: provider.books,
    setFaults: (programme) => provider.drawer.set(readProgramme(programme)),
    setConnections: (state) => setState(state),
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer)
      await Promise.all([connections.close(), controls.close()])
    },
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | undefined

function serve(handle: Handler): Server {
  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    // A client that goes away while it sends is no failure of the fake.
    handle(request, response)?.catch(() => response.destroy())
  })
  server.keepAliveTimeout = keepAliveMs
  return server
}

async function answer(
  provider: Provider,
  given: { request: IncomingMessage; response: ServerResponse; number: number },
): Promise<void> {
  const { request, response, number } = given
  const url = new URL(request.url ?? '/', 'http://fake')
  const address = readAddress(url, request.headers['anthropic-version'] !== undefined)
  if (request.method === 'GET') return look(provider, address, { request, response, number })
  const entry = openEntry(provider, address, { request, number })
  const body = await readBody(request)
  if (address.target.kind === 'nothing') {
    const message = `Invalid URL (${request.method} ${url.pathname})`
    return sendError(
      { response, entry, address },
      { status: 404, message, code: null, param: null },
    )
  }
  return exchange({ provider, request, response, address, entry, body })
}

function openEntry(
  provider: Provider,
  address: Address,
  { request, number }: { request: IncomingMessage; number: number },
) {
  const { headers } = request
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  const key = headers['x-api-key'] ?? headers['api-key'] ?? bearer ?? ''
  return provider.books.open({
    number,
    id: `req_${hexOf(24, provider.seed, number)}`,
    at: address.at,
    flavour: address.flavour.name,
    path: request.url ?? '',
    apiKey: String(key),
  })
}

/** What costs nothing: models, and responses that were kept. */
async function look(
  provider: Provider,
  address: Address,
  given: { request: IncomingMessage; response: ServerResponse; number: number },
): Promise<void> {
  const { response } = given
  const { target, flavour } = address
  if (target.kind === 'models') return sendJson(response, 200, listModels(flavour.name))
  if (target.kind === 'model')
    return sendJson(response, 200, describeModel(flavour.name, target.id))
  const stored = target.kind === 'stored' ? provider.stored.find(target.id) : undefined
  if (stored !== undefined) return sendJson(response, 200, stored.body)
  const requestId = `req_${hexOf(24, provider.seed, given.number)}`
  const fault = { status: 404, message: 'Not Found', code: null, param: null, requestId }
  return sendJson(response, 404, flavour.error(fault))
}
