// A real HTTP API, as any company has one: orders behind a bearer token, in memory, described by an
// OpenAPI document. It keeps what arrived, and what it did under which idempotency key.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { at, isRecord, type Json } from './json.ts'

export type Order = { readonly id: string; readonly item: string; readonly amount: number }

export type Arrived = {
  readonly method: string
  /** With the query. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type OrdersApi = {
  readonly url: string
  readonly token: string
  readonly arrived: Arrived[]
  readonly orders: Map<string, Order>
  /** What becomes of the next write: its connection is cut before or after it takes effect. */
  failNextWrite: 'before' | 'after' | undefined
  /** The document that is served at /openapi.json. */
  document: Json
} & AsyncDisposable

const order = {
  type: 'object',
  properties: { id: { type: 'string' }, item: { type: 'string' }, amount: { type: 'integer' } },
}
const json = (schema: Json): Json => ({ 'application/json': { schema } })
const idParameter = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }

export const ordersDocument: Json = {
  openapi: '3.0.3',
  info: { title: 'Orders', version: '1' },
  components: { schemas: { Order: order } },
  paths: {
    '/orders': {
      get: {
        operationId: 'listOrders',
        parameters: [
          { name: 'items', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
        ],
        responses: { 200: { description: 'orders', content: json({ type: 'array' }) } },
      },
      post: {
        operationId: 'createOrder',
        summary: 'Orders something.',
        requestBody: {
          required: true,
          content: json({
            type: 'object',
            required: ['item', 'amount'],
            properties: { item: { type: 'string' }, amount: { type: 'integer', minimum: 1 } },
          }),
        },
        responses: { 201: { content: json({ $ref: '#/components/schemas/Order' }) } },
      },
    },
    '/orders/{id}': {
      parameters: [idParameter],
      get: {
        operationId: 'getOrder',
        responses: { 200: { content: json({ $ref: '#/components/schemas/Order' }) } },
      },
      delete: { operationId: 'deleteOrder', responses: { 204: { description: 'gone' } } },
    },
    '/effects': {
      get: {
        operationId: 'findEffect',
        parameters: [{ name: 'key', in: 'query', required: true, schema: { type: 'string' } }],
      },
    },
    '/echo': {
      get: {
        operationId: 'echo',
        parameters: [{ name: 'X-Note', in: 'header', schema: { type: 'string' } }],
      },
    },
    '/moved': { get: { operationId: 'moved' } },
    '/admin/wipe': { post: { operationId: 'wipe' } },
  },
}

export async function startOrdersApi(): Promise<OrdersApi> {
  const done = new Map<string, Order>()
  const api = {
    url: '',
    token: 'orders-token-d41d8cd9',
    arrived: [] as Arrived[],
    orders: new Map<string, Order>(),
    failNextWrite: undefined as OrdersApi['failNextWrite'],
    document: ordersDocument,
  }
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = '', url = '', headers } = request
      api.arrived.push({ method, url, headers, body })
      return answer({ api, done, method, url, headers, body, response })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(api, {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

type Exchange = Omit<Arrived, 'body'> & {
  readonly api: Omit<OrdersApi, typeof Symbol.asyncDispose>
  readonly done: Map<string, Order>
  readonly body: string
  readonly response: ServerResponse
}

function answer(exchange: Exchange): void {
  const { api, method, headers, response } = exchange
  const { pathname, searchParams } = new URL(exchange.url, 'http://host')
  const reply = (status: number, value?: unknown, more: Record<string, string> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...more })
    response.end(value === undefined ? undefined : JSON.stringify(value))
  }
  if (pathname === '/openapi.json') {
    reply(200, api.document)
    return
  }
  if (headers.authorization !== `Bearer ${api.token}`) {
    reply(401, { error: 'who are you?' })
    return
  }
  const [, noun = '', id = ''] = pathname.split('/').map(decodeURIComponent)
  if (noun === 'orders' && method === 'POST') createOrder(exchange, reply)
  else if (noun === 'orders' && id === '') reply(200, [...api.orders.values()])
  else if (noun === 'orders' && !api.orders.has(id)) reply(404, { error: `no order ${id}` })
  else if (noun === 'orders' && method === 'GET') reply(200, api.orders.get(id))
  else if (noun === 'orders') {
    api.orders.delete(id)
    response.writeHead(204).end()
  } else if (noun === 'effects') {
    const result = exchange.done.get(searchParams.get('key') ?? '')
    reply(200, { found: result !== undefined, ...(result === undefined ? {} : { result }) })
  } else if (noun === 'echo') reply(200, headers)
  else if (noun === 'moved') reply(302, {}, { location: `${api.url}/admin/wipe` })
  else reply(404, { error: 'nothing here' })
}

function createOrder(exchange: Exchange, reply: (status: number, value: unknown) => void): void {
  const { api, done, headers, response } = exchange
  const failure = api.failNextWrite
  api.failNextWrite = undefined
  if (failure === 'before') {
    response.destroy()
    return
  }
  const key = String(headers['idempotency-key'] ?? '')
  const made = done.get(key) ?? newOrder(api.orders.size, JSON.parse(exchange.body))
  api.orders.set(made.id, made)
  done.set(key, made)
  if (failure === 'after') response.destroy()
  else reply(201, made)
}

function newOrder(number: number, body: unknown): Order {
  const fields = isRecord(body) ? body : {}
  return {
    id: `o-${number + 1}`,
    item: String(at(fields, 'item')),
    amount: Number(fields['amount']),
  }
}
