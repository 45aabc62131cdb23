// Streams on which agents are told of changes: GET in revision 2025-11-25, `subscriptions/listen`
// in 2026-07-28. They end with the key that opened them, and with the server.
import { randomUUID } from 'node:crypto'
import type { ServerEvent, ServerEventBus } from '@modelcontextprotocol/server'
import { AirworthyError } from '../../../core/errors.ts'
import { refuseIfHandedOver } from '../../../store/handover/handovers.ts'
import type { Gateway } from '../../gateway.ts'
import type { FeatureChange } from '../../tools/backend.ts'
import { permittedFeatures, type PermittedFeatures } from './agent-features.ts'
import { headerOf, type McpExchange } from './exchange.ts'
import { inFence } from '../fenced-features.ts'
import { callTool } from '../../tools/tool-call.ts'

/** How often a stream that is open shows that it lives, and its key is looked at again. */
const checkEveryMs = 30_000
/** A client that does not read is let go. */
const unreadBytesMax = 1024 * 1024
const followedMax = 100

/** Opens the stream of a 2025 client, where there is anything to tell; gives whether it did. */
export async function openStream(gateway: Gateway, exchange: McpExchange): Promise<boolean> {
  const { request, response, clientKey } = exchange
  const isAsked = headerOf(request, 'accept')?.includes('text/event-stream') === true
  const permitted = permittedFeatures(gateway, exchange)
  if (!isAsked || permitted === undefined || !canTell(permitted)) return false
  await gateway.identifier.identifyForList(request.headers, exchange.sessionKey)
  await refuseWithPerson(gateway, exchange)
  if (!gateway.notifications.hasRoom) {
    throw new AirworthyError('gateway.overloaded', 'too many streams are open')
  }
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
  })
  response.flushHeaders()
  const stop = gateway.notifications.listen(clientKey, permitted.from, (change) => {
    const message = JSON.stringify({ jsonrpc: '2.0', ...notificationOf(change) })
    if (mayTell(permitted, change)) response.write(`event: message\ndata: ${message}\n\n`)
    if (response.writableLength > unreadBytesMax) response.destroy()
  })
  const untrack = gateway.notifications.track(() => response.end())
  const uncheck = checkKey(gateway, exchange, () => response.end())
  const live = gateway.fence.enter(exchange.principal)
  live.onCut(() => response.end())
  const uncut = cutByHandover(gateway, exchange, () => response.end())
  response.once('close', () => {
    live[Symbol.dispose]()
    uncut()
    stop()
    untrack()
    uncheck()
  })
  return true
}

/** Who is told nothing opens no stream. Throws `session.handed_over`. */
function refuseWithPerson(gateway: Gateway, { principal }: McpExchange): Promise<void> {
  return refuseIfHandedOver(gateway.db, gateway.organisationId, principal.sessionId)
}

/**
 * Ends the stream when its session goes to a person. It is asked once more after the stream was
 * entered, because the handover may have come before that.
 */
function cutByHandover(gateway: Gateway, exchange: McpExchange, end: () => void): () => void {
  const uncut = gateway.sessionStreams.add(exchange.principal.sessionId, end)
  refuseWithPerson(gateway, exchange).catch(end)
  return uncut
}

function canTell({ tools }: PermittedFeatures): boolean {
  return tools.has('resources.read') || tools.has('prompts.get')
}

function mayTell({ tools }: PermittedFeatures, change: FeatureChange): boolean {
  if (change.kind === 'prompts') return tools.has('prompts.get')
  return tools.has(change.kind === 'resource' ? 'resources.subscribe' : 'resources.read')
}

function notificationOf(change: FeatureChange): { method: string; params?: { uri: string } } {
  if (change.kind !== 'resource') return { method: `notifications/${change.kind}/list_changed` }
  return { method: 'notifications/resources/updated', params: { uri: change.uri } }
}

function checkKey(gateway: Gateway, exchange: McpExchange, close: () => void): () => void {
  const timer = setInterval(() => {
    exchange.response.write(': still here\n\n')
    gateway.identifier
      .identifyForList(exchange.request.headers, exchange.sessionKey)
      .catch(() => close())
  }, checkEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}

export type Listening = {
  /** The body, without the resources that may not be followed. */
  readonly body: unknown
  readonly bus: ServerEventBus
  readonly isStream: boolean
}

const silent: ServerEventBus = { publish: () => undefined, subscribe: () => () => undefined }

/** What a 2026 client asks to be told: each resource is a call of its own, decided and recorded. */
export async function listenAsAsked(
  gateway: Gateway,
  exchange: McpExchange,
  body: unknown,
): Promise<Listening> {
  const asked = askedFilter(body)
  const permitted = permittedFeatures(gateway, exchange)
  if (asked === undefined || permitted === undefined) {
    return { body, bus: silent, isStream: asked !== undefined }
  }
  await refuseWithPerson(gateway, exchange)
  // A stream of this revision is its own client: it ends with all that it follows.
  const clientKey = `${exchange.clientKey} ${randomUUID()}`
  const uris = await followAll(gateway, { exchange, permitted, clientKey, uris: asked.uris })
  const filter = { ...asked.filter, resourceSubscriptions: uris }
  const bus: ServerEventBus = {
    publish: () => undefined,
    subscribe: (listener) => {
      const stop = gateway.notifications.listen(clientKey, permitted.from, (change) => {
        if (mayTell(permitted, change)) listener(eventOf(change))
      })
      const uncheck = checkKey(gateway, exchange, () => exchange.abort.abort())
      const live = gateway.fence.enter(exchange.principal)
      live.onCut(() => exchange.abort.abort())
      const uncut = cutByHandover(gateway, exchange, () => exchange.abort.abort())
      return () => {
        live[Symbol.dispose]()
        uncut()
        stop()
        uncheck()
      }
    },
  }
  return { body: asked.withFilter(filter), bus, isStream: true }
}

function eventOf(change: FeatureChange): ServerEvent {
  if (change.kind === 'resource') return { kind: 'resource_updated', uri: change.uri }
  return {
    kind: change.kind === 'resources' ? 'resources_list_changed' : 'prompts_list_changed',
  }
}

async function followAll(
  gateway: Gateway,
  options: {
    exchange: McpExchange
    permitted: PermittedFeatures
    clientKey: string
    uris: readonly string[]
  },
): Promise<string[]> {
  const { exchange, permitted, clientKey } = options
  const followed: string[] = []
  for (const uri of options.uris.slice(0, followedMax)) {
    const { principal, server } = exchange
    const tool = 'resources.subscribe'
    const { result } = await callTool(gateway, { principal, server, tool, args: { uri } })
    if (result.isError === true) continue
    await inFence(gateway, exchange, {
      feature: tool,
      run: () => gateway.notifications.follow(clientKey, permitted.from, uri),
    })
    followed.push(uri)
  }
  return followed
}

/** The filter of a `subscriptions/listen`; undefined for every other request. */
function askedFilter(body: unknown):
  | {
      filter: object
      uris: string[]
      withFilter: (filter: object) => unknown
    }
  | undefined {
  const params = memberOf(body, 'params')
  const filter = memberOf(params, 'notifications')
  const isListen = memberOf(body, 'method') === 'subscriptions/listen'
  if (!isListen || !isObject(body) || !isObject(params) || !isObject(filter)) return undefined
  const uris = memberOf(filter, 'resourceSubscriptions')
  return {
    filter,
    uris: Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : [],
    withFilter: (notifications) => ({ ...body, params: { ...params, notifications } }),
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function memberOf(value: unknown, key: string): unknown {
  return isObject(value) ? Reflect.get(value, key) : undefined
}
