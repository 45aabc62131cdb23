// Resources, prompts and completion for an agent. What is read goes through the life of a call, as
// the tool that `features.ts` makes of it; lists show what may be read.
import { ProtocolError, type Server, type ServerContext } from '@modelcontextprotocol/server'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { isToolInTask } from '../../../core/decision/task.ts'
import { AirworthyError } from '../../../core/errors.ts'
import type { Gateway } from '../../gateway.ts'
import type { FeaturePage, FeatureTarget, ServerFeatures } from '../../tools/backend.ts'
import { jsonRpcError, throwTyped } from './agent-errors.ts'
import type { McpExchange } from './exchange.ts'
import type { FeatureTool } from '../servers/features.ts'
import { inFence } from '../fenced-features.ts'
import type { Followable } from './notifications.ts'

export type FeatureCall = (
  tool: FeatureTool,
  args: Readonly<Record<string, unknown>>,
  context: ServerContext,
) => Promise<CallToolResult>

export type PermittedFeatures = {
  readonly from: Followable
  readonly tools: ReadonlySet<FeatureTool>
}

const featureTools: readonly FeatureTool[] = [
  'resources.read',
  'resources.subscribe',
  'prompts.get',
  'completion.complete',
]

/** What the pact permits of this server beside tools; undefined for a server that has nothing else. */
export function permittedFeatures(
  gateway: Gateway,
  exchange: Pick<McpExchange, 'server' | 'loaded' | 'principal'>,
): PermittedFeatures | undefined {
  const { pact, pinned } = exchange.loaded
  const server = pact.servers.get(exchange.server)
  const features = server && gateway.tools.features(server)
  if (server === undefined || features === undefined) return undefined
  const tools = featureTools.filter((tool) => {
    const name = `${exchange.server}/${tool}`
    const isPermitted = pact.tools.get(name)?.listable === true && pinned.has(name)
    return isPermitted && isToolInTask(pact, exchange.principal.task, name)
  })
  const from = { features, target: { name: exchange.server, server } }
  return { from, tools: new Set(tools) }
}

export function featureCapabilities({ tools }: PermittedFeatures) {
  return {
    logging: {},
    ...(tools.has('resources.read')
      ? { resources: { listChanged: true, subscribe: tools.has('resources.subscribe') } }
      : {}),
    ...(tools.has('prompts.get') ? { prompts: { listChanged: true } } : {}),
    ...(tools.has('completion.complete') ? { completions: {} } : {}),
  }
}

export function serveFeatures(
  server: Server,
  options: {
    gateway: Gateway
    exchange: McpExchange
    permitted: PermittedFeatures
    call: FeatureCall
  },
): void {
  const { permitted } = options
  if (permitted.tools.has('resources.read')) serveResources(server, options)
  if (permitted.tools.has('prompts.get')) servePrompts(server, options)
  if (permitted.tools.has('completion.complete')) {
    server.setRequestHandler('completion/complete', async ({ params }, context) => {
      const { ref, argument, context: given } = params
      const args = { ref, argument, ...(given === undefined ? {} : { context: given }) }
      const answer = contentOf(await options.call('completion.complete', args, context))
      return { completion: { values: [] }, ...answer }
    })
  }
}

type Options = Parameters<typeof serveFeatures>[1]

function serveResources(server: Server, options: Options): void {
  const { gateway, exchange, permitted, call } = options
  const mayRead = (uri: string): boolean =>
    exchange.loaded.pinned.get(`${exchange.server}/resources.read`)?.validate({ uri }) === true
  server.setRequestHandler('resources/list', async ({ params }) => {
    const cursor = params?.cursor
    const { items, next } = await listPage(options, cursor, {
      list: (features, target) => features.listResources(target, cursor),
      isPermitted: ({ uri }) => mayRead(uri),
    })
    return { resources: items, ...next }
  })
  server.setRequestHandler('resources/templates/list', async ({ params }) => {
    const cursor = params?.cursor
    const { items, next } = await listPage(options, cursor, {
      list: (features, target) => features.listTemplates(target, cursor),
      isPermitted: ({ uriTemplate }) => mayRead(sampleOf(uriTemplate)),
    })
    return { resourceTemplates: items, ...next }
  })
  server.setRequestHandler('resources/read', async ({ params }, context) => {
    const answer = contentOf(await call('resources.read', { uri: params.uri }, context))
    return { contents: [], ...answer }
  })
  if (!permitted.tools.has('resources.subscribe')) return
  server.setRequestHandler('resources/subscribe', async ({ params }, context) => {
    contentOf(await call('resources.subscribe', { uri: params.uri }, context))
    await inFence(gateway, exchange, {
      feature: 'resources.subscribe',
      run: () => gateway.notifications.follow(exchange.clientKey, permitted.from, params.uri),
    }).catch((thrown: unknown) => throwTyped(gateway, thrown))
    return {}
  })
  server.setRequestHandler('resources/unsubscribe', async ({ params }) => {
    await gateway.notifications.unfollow(exchange.clientKey, params.uri)
    return {}
  })
}

function servePrompts(server: Server, options: Options): void {
  const { exchange, call } = options
  const mayGet = (name: string): boolean =>
    exchange.loaded.pinned.get(`${exchange.server}/prompts.get`)?.validate({ name }) === true
  server.setRequestHandler('prompts/list', async ({ params }) => {
    const cursor = params?.cursor
    const { items, next } = await listPage(options, cursor, {
      list: (features, target) => features.listPrompts(target, cursor),
      isPermitted: ({ name }) => mayGet(name),
    })
    return { prompts: items, ...next }
  })
  server.setRequestHandler('prompts/get', async ({ params }, context) => {
    const { name, arguments: given } = params
    const args = { name, ...(given === undefined ? {} : { arguments: given }) }
    const answer = contentOf(await call('prompts.get', args, context))
    return { messages: [], ...answer }
  })
}

const cursorCharsMax = 2000

/** The server's own page, filtered; what is left of it may be little, or nothing. */
async function listPage<Item>(
  { gateway, exchange, permitted }: Options,
  cursor: string | undefined,
  page: {
    list: (features: ServerFeatures, target: FeatureTarget) => Promise<FeaturePage<Item>>
    isPermitted: (item: Item) => boolean
  },
): Promise<{ items: Item[]; next: { nextCursor?: string } }> {
  const { features, target } = permitted.from
  try {
    await gateway.identifier.identifyForList(exchange.request.headers, exchange.sessionKey)
    if (cursor !== undefined && cursor.length > cursorCharsMax) {
      throw new AirworthyError('request.invalid', 'the cursor is too long to be one')
    }
    const { items, nextCursor } = await inFence(gateway, exchange, {
      feature: 'list',
      run: () => page.list(features, target),
    })
    const next = nextCursor === undefined ? {} : { nextCursor }
    return { items: items.filter(page.isPermitted), next }
  } catch (thrown) {
    return throwTyped(gateway, thrown)
  }
}

/** A template with something in place of its variables: may such a resource be read? */
function sampleOf(uriTemplate: string): string {
  return uriTemplate.replace(/\{[^{}]*\}/g, 'x')
}

/** What a feature answered; a refusal, which on `tools/call` is a result, is an error here. */
function contentOf(result: CallToolResult): Record<string, unknown> {
  const content = { ...result.structuredContent }
  const meta = { ...result._meta }
  if (result.isError === true) {
    const message = typeof content['message'] === 'string' ? content['message'] : 'refused'
    throw new ProtocolError(jsonRpcError, message, { ...content, _meta: meta })
  }
  return { ...content, _meta: { ...metaIn(content), ...meta } }
}

function metaIn(content: Readonly<Record<string, unknown>>): object {
  const { _meta: own } = content
  return typeof own === 'object' && own !== null ? own : {}
}
