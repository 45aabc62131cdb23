// Hostile arguments, manifests and replies against an HTTP API that is served as tools: whatever
// arrives must be the very operation that was asked for, and nothing else in the network be reached.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { agentClients, type AgentClients } from '../../e2e/harness/clients.ts'
import { at, type Json } from '../../e2e/harness/json.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { type OrdersApi, ordersDocument, startOrdersApi } from '../../e2e/harness/orders-api.ts'
import { type Server, startServer } from '../../e2e/harness/server.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const agent = 'http-reach'
const attemptsMax = 2000
const quickAttempts = 300
const seed = 20_261_122
const unresolved = 'manifest.tool_server_unreachable'

/** One address in many spellings, and addresses that no public API has. */
const forbiddenHosts = [
  '127.0.0.1',
  'localhost',
  'localhost.',
  '0x7f.1',
  '0177.0.0.1',
  '2130706433',
  '127.1',
  '[::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[fd00::1]',
  '[fe80::1]',
  '0.0.0.0',
  '[::]',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.168.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
]

/** What a path, a query or a header is made of to leave its place. */
const fragments = [
  ['..', '.', '/', '\\', '%2e', '%2E%2e', '%2f', '%5c', '%252e', '%252f', '%25', ';', '?', '#'],
  ['&', '=', '@', ':', '//', 'admin', 'wipe', 'o-1', '\r\n', '\n', '\u0000', '%0d%0a', '%00'],
  ['X-Admin: 1', 'Host: evil', ' ', '\t', 'ä', '／', '．', '\u2028', '*', '{id}', '{{args.id}}'],
].flat()

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startOrdersApi())
  const forbidden = stack.use(await startForbidden())
  log('starting a server on its embedded PostgreSQL')
  const env = { ORDERS_TOKEN: api.token }
  const server = stack.use(await startServer({ databaseUrl: undefined, env }))
  const enrolments = await enrolForbidden(server, forbidden.port, log)
  log(`${enrolments.refused} of ${enrolments.attempts} forbidden addresses refused`)
  const apiKey = await enrol(server, { baseUrl: api.url, allowPrivate: ['127.0.0.1'] })
  const { session, sessionKey } = await server.client.openSession({ agent })
  const options = { url: server.url, apiKey, sessionKey, server: 'shop' }
  await using clients = agentClients(options)
  const calls = await callHostile(clients, api, quick ? quickAttempts : attemptsMax)
  log(`${calls.attempts} calls: ${calls.refused} refused, ${calls.arrived} arrived as asked`)
  await clients.call('moved')
  const echoed = await clients.call('echo', { 'X-Note': 'a note' })
  const record = JSON.stringify(await server.client.getSession(session.id))
  const secretsSeen = [JSON.stringify(echoed), record].filter((text) => text.includes(api.token))
  const figures = {
    enrolments,
    calls,
    forbiddenReached: forbidden.reached(),
    secretsSeen: secretsSeen.length,
  }
  const holds =
    enrolments.refused === enrolments.attempts &&
    calls.elsewhere === 0 &&
    calls.refused > 0 &&
    calls.arrived > 0 &&
    figures.forbiddenReached === 0 &&
    figures.secretsSeen === 0
  return { ...figures, holds }
}

/** Whatever listens where it must not be reached. */
async function startForbidden() {
  let reached = 0
  const server = createServer((_, response) => response.end('{}'))
  server.on('connection', () => (reached += 1))
  await new Promise<void>((resolve) => server.listen(0, resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    port,
    reached: () => reached,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Each host as the API's own and as its document's: neither may be connected to. */
async function enrolForbidden(server: Server, port: number, log: EvidenceOptions['log']) {
  let [attempts, refused] = [0, 0]
  for (const host of forbiddenHosts) {
    const url = `http://${host}:${port}`
    const shops: Json[] = [
      { baseUrl: url, auth: undefined },
      { baseUrl: 'https://8.8.8.8', document: { url: `${url}/openapi.json` } },
    ]
    for (const shop of shops) {
      attempts += 1
      await enrol(server, shop).catch((thrown: unknown) => {
        const code = at(thrown, 'code')
        // Where the machine knows no such name, there is nothing to connect to either.
        const isRefused = code === 'upstream.address_forbidden' || code === unresolved
        if (isRefused) refused += 1
        else log(`${url}: ${String(code)}`)
      })
    }
  }
  return { attempts, refused }
}

async function enrol(server: Server, shop: Json): Promise<string> {
  const manifest = manifestText({
    name: agent,
    modelBaseUrl: 'http://127.0.0.1:1/v1',
    toolsUrl: '',
    toolServers: {
      shop: {
        transport: 'openapi',
        document: { inline: ordersDocument },
        operations: ['getOrder', 'listOrders', 'echo', 'moved'],
        auth: { kind: 'bearer', env: 'ORDERS_TOKEN' },
        ...shop,
      },
    },
    tools: Object.fromEntries(
      ['getOrder', 'listOrders', 'echo', 'moved'].map((tool) => [
        `shop/${tool}`,
        { effect: 'read' },
      ]),
    ),
    permissions: [{ id: 'all', effect: 'allow', tools: ['shop/*'] }],
    limits: { session: { calls: attemptsMax + 100 } },
  })
  const { apiKey } = await server.client.enrolAgent({ manifest, file: 'agent.json' })
  if (apiKey === null) throw new Error('the agent was enrolled before')
  return apiKey
}

async function callHostile(clients: AgentClients, api: OrdersApi, attempts: number) {
  const next = randomOf(seed)
  const figures = { attempts, refused: 0, arrived: 0, elsewhere: 0 }
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const text = hostileText(next)
    const { tool, args } = hostileCall(attempt, text)
    api.arrived.length = 0
    const reply = await clients.call(tool, args)
    if (api.arrived.length === 0 && reply.isError) figures.refused += 1
    else if (isAsked(api, tool, text)) figures.arrived += 1
    else figures.elsewhere += 1
  }
  return figures
}

function hostileCall(attempt: number, text: string): { tool: string; args: Json } {
  switch (attempt % 4) {
    case 0:
      return { tool: 'getOrder', args: { id: text } }
    case 1:
      return { tool: 'listOrders', args: { items: [text] } }
    case 2:
      return { tool: 'echo', args: { 'X-Note': text } }
    default:
      return { tool: 'getOrder', args: { id: 'o-1', [text]: text } }
  }
}

/** Whether one request arrived, and it is the operation with this very value in its place. */
function isAsked(api: OrdersApi, tool: string, text: string): boolean {
  const [one, ...more] = api.arrived
  if (one === undefined || more.length > 0 || one.method !== 'GET' || one.body !== '') return false
  if (one.headers.authorization !== `Bearer ${api.token}` || 'x-admin' in one.headers) return false
  if (`http://${one.headers.host ?? ''}` !== api.url) return false
  const url = new URL(one.url, api.url)
  if (tool === 'echo') return one.url === '/echo' && one.headers['x-note'] === text
  if (tool === 'listOrders') {
    const asked = JSON.stringify([...url.searchParams]) === JSON.stringify([['items', text]])
    return url.pathname === '/orders' && asked
  }
  const [empty, orders, id, ...rest] = url.pathname.split('/')
  const isPlace = empty === '' && orders === 'orders' && rest.length === 0 && url.search === ''
  return isPlace && decodeURIComponent(id ?? '') === text
}

function hostileText(next: () => number): string {
  const length = 1 + Math.floor(next() * 5)
  const parts = Array.from({ length }, () => fragments[Math.floor(next() * fragments.length)] ?? '')
  return parts.join('')
}

/** The same numbers from 0 to 1 in every run (a linear congruential generator). */
function randomOf(start: number): () => number {
  let state = start
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
