// Resources and prompts of an MCP server: lists, and who is told of changes. Several agents may
// follow one resource; the server is asked once, and again when its connection was made anew.
import type {
  McpSubscription,
  Prompt,
  Resource,
  ResourceTemplateType,
} from '@modelcontextprotocol/client'
import { AirworthyError } from '../../../core/errors.ts'
import type {
  FeatureChange,
  FeaturePage,
  FeatureTarget,
  ServerFeatures,
} from '../../tools/backend.ts'
import { textOf } from '../../tools/backends.ts'
import { inCallContext } from './call-context.ts'
import type { McpConnection, McpServer } from './connection.ts'

type Target = FeatureTarget<McpServer>

type Watchers = Set<(change: FeatureChange) => void>

type Followed = { count: number; subscription: McpSubscription | undefined }

const timeoutMs = 10_000
/** Resources of one connection that are followed at once. */
const followedMax = 1000

export class McpFeatures implements ServerFeatures<McpServer> {
  readonly #connect: (target: Target) => Promise<McpConnection>
  readonly #watchersOf: (target: Target) => Watchers
  readonly #log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  /** By server, as its set of watchers, then by URI. */
  readonly #followed = new WeakMap<Watchers, Map<string, Followed>>()

  constructor(options: {
    connect: (target: Target) => Promise<McpConnection>
    watchersOf: (target: Target) => Watchers
    log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  }) {
    this.#connect = options.connect
    this.#watchersOf = options.watchersOf
    this.#log = options.log
  }

  listResources(target: Target, cursor?: string): Promise<FeaturePage<Resource>> {
    return this.#list(target, async ({ client }) => {
      const request = { method: 'resources/list' as const, params: { cursor } }
      const { resources: items, nextCursor } = await client.request(request, { timeout: timeoutMs })
      return { items, nextCursor }
    })
  }

  listTemplates(target: Target, cursor?: string): Promise<FeaturePage<ResourceTemplateType>> {
    return this.#list(target, async ({ client }) => {
      const request = { method: 'resources/templates/list' as const, params: { cursor } }
      const reply = await client.request(request, { timeout: timeoutMs })
      return { items: reply.resourceTemplates, nextCursor: reply.nextCursor }
    })
  }

  listPrompts(target: Target, cursor?: string): Promise<FeaturePage<Prompt>> {
    return this.#list(target, async ({ client }) => {
      const request = { method: 'prompts/list' as const, params: { cursor } }
      const { prompts: items, nextCursor } = await client.request(request, { timeout: timeoutMs })
      return { items, nextCursor }
    })
  }

  watch(target: Target, onChange: (change: FeatureChange) => void): () => void {
    const watchers = this.#watchersOf(target)
    watchers.add(onChange)
    return () => void watchers.delete(onChange)
  }

  async follow(target: Target, uri: string): Promise<void> {
    const connection = await this.#reach(target)
    const watchers = this.#watchersOf(target)
    const followed = this.#followed.get(watchers) ?? new Map<string, Followed>()
    this.#followed.set(watchers, followed)
    const known = followed.get(uri)
    if (known !== undefined) {
      known.count += 1
      return
    }
    if (followed.size >= followedMax) {
      const message = `${followedMax} resources of ${target.name} are followed already`
      throw new AirworthyError('gateway.overloaded', message)
    }
    const entry: Followed = { count: 1, subscription: undefined }
    followed.set(uri, entry)
    try {
      entry.subscription = await subscribe(connection, uri)
    } catch (cause) {
      followed.delete(uri)
      const message = `the tool server ${target.name} did not subscribe: ${textOf(cause)}`
      throw new AirworthyError('upstream.refused', message, { cause })
    }
  }

  async unfollow(target: Target, uri: string): Promise<void> {
    const connection = await this.#reach(target)
    const followed = this.#followed.get(this.#watchersOf(target))
    const entry = followed?.get(uri)
    if (followed === undefined || entry === undefined) return
    entry.count -= 1
    if (entry.count > 0) return
    followed.delete(uri)
    try {
      if (entry.subscription !== undefined) await entry.subscription.close()
      else await connection.client.unsubscribeResource({ uri }, { timeout: timeoutMs })
    } catch (thrown) {
      // Nobody is told any more, whatever the server still sends.
      this.#log('a tool server did not unsubscribe', {
        server: target.name,
        error: textOf(thrown),
      })
    }
  }

  /** A connection was made anew: what is followed is asked for again. */
  async connected(target: Target, connection: McpConnection): Promise<void> {
    const followed = this.#followed.get(this.#watchersOf(target)) ?? new Map<string, Followed>()
    for (const [uri, entry] of followed) {
      try {
        entry.subscription = await subscribe(connection, uri)
      } catch (thrown) {
        this.#log('a tool server did not subscribe again', {
          server: target.name,
          error: textOf(thrown),
        })
      }
    }
  }

  async #list<Page>(
    target: Target,
    ask: (connection: McpConnection) => Promise<Page>,
  ): Promise<Page> {
    const connection = await this.#reach(target)
    try {
      return await ask(connection)
    } catch (cause) {
      const message = `the tool server ${target.name} did not list: ${textOf(cause)}`
      throw new AirworthyError('upstream.refused', message, { cause })
    }
  }

  async #reach(target: Target): Promise<McpConnection> {
    try {
      // The connection is everybody's, and outlives the call that it is made for.
      return await inCallContext({}, () => this.#connect(target))
    } catch (cause) {
      const message = `the tool server ${target.name} cannot be reached: ${textOf(cause)}`
      throw new AirworthyError('upstream.unreachable', message, { cause })
    }
  }
}

async function subscribe(
  connection: McpConnection,
  uri: string,
): Promise<McpSubscription | undefined> {
  const { client } = connection
  if (connection.era === 'modern') {
    return client.listen({ resourceSubscriptions: [uri] }, { timeout: timeoutMs })
  }
  await client.subscribeResource({ uri }, { timeout: timeoutMs })
  return undefined
}
