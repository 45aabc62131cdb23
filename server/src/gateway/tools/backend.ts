// What the gateway asks of a place that tools come from: an MCP server, an HTTP API, a database.
import type {
  InputRequest,
  Prompt,
  Resource,
  ResourceTemplateType,
} from '@modelcontextprotocol/client'
import type {
  CallToolResult,
  LoggingLevel,
  LoggingMessageNotification,
} from '@modelcontextprotocol/sdk/types.js'
import type { AirworthyError } from '../../core/errors.ts'
import type { Manifest } from '../../core/pact/manifest.ts'
import type { LiveCall } from '../kill/fence.ts'

export type ToolServer = Manifest['toolServers'][string]

/** A tool as its server lists it now, under its bare name. */
export type ListedTool = {
  readonly name: string
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema?: Readonly<Record<string, unknown>> | undefined
}

export type ToolTarget<Server extends ToolServer = ToolServer> = {
  /** The server's name in the manifest. */
  readonly name: string
  readonly server: Server
  /** The bare name of the tool. */
  readonly tool: string
}

export type ToolRequest = {
  readonly args: Readonly<Record<string, unknown>>
  /** Session, call and, for a write, effect key: `airworthy/session`, `.../call`, `.../effect-key`. */
  readonly meta: Readonly<Record<string, unknown>>
  /** Of the tool as the call was decided on it, where that is known: see `hashOf`. */
  readonly pinnedHash?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ToolProgress) => void) | undefined
  /** Log messages of this very call, at this level and above; only MCP servers have them. */
  readonly logs?: ToolLogs | undefined
  /** Of a client that the server may ask during this call; only MCP servers do. */
  readonly relay?: ToolRelay | undefined
  /** Asked right before bytes leave; its signal is part of `signal`. */
  readonly live?: LiveCall | undefined
}

/** The client that made a call, as far as the call's server may ask it something. */
export type ToolRelay = {
  /** One client of one session: what is asked for its calls reaches no other. */
  readonly client: string
  /** What may be asked: see `gateway/mcp/servers/relay-marks.ts`. */
  readonly marks: string
  /** Asks, until the signal aborts. Rejects with what the client, or the gateway, says against it. */
  readonly ask: (request: InputRequest, signal: AbortSignal) => Promise<unknown>
  /** For the record: how often was asked for what, and a digest; undefined when nothing was. */
  readonly told: () => string | undefined
}

export type ToolLogs = {
  readonly level: LoggingLevel
  readonly onMessage: (message: LoggingMessageNotification['params']) => void
}

export type ToolProgress = {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** What the end of a call says of the world. */
export type ToolEnd =
  | { readonly kind: 'result'; readonly result: CallToolResult }
  /** Nothing can have happened: the call never reached the tool, or was refused before it ran. */
  | { readonly kind: 'failed'; readonly error: AirworthyError }
  | { readonly kind: 'unknown'; readonly error: AirworthyError }

/** One kind of tool server. It never throws from `call`: every end is a `ToolEnd`. */
export type ToolBackend<Server extends ToolServer = ToolServer> = AsyncDisposable & {
  /** All tools, asked anew. Throws when the server cannot be reached or its answer not be used. */
  list(name: string, server: Server): Promise<readonly ListedTool[]>
  /** The hash of the tool as it is listed now (`hashTool`); undefined when it is not, or away. */
  hashOf(target: ToolTarget<Server>): Promise<string | undefined>
  call(target: ToolTarget<Server>, request: ToolRequest): Promise<ToolEnd>
  /** Only of what has resources and prompts, as MCP servers have. */
  readonly features?: ServerFeatures<Server> | undefined
}

export type FeatureTarget<Server extends ToolServer = ToolServer> = Omit<ToolTarget<Server>, 'tool'>

/** Something of a server that is not a tool has changed. */
export type FeatureChange =
  | { readonly kind: 'resources' | 'prompts' }
  | { readonly kind: 'resource'; readonly uri: string }

/** One page, as the server gives it. */
export type FeaturePage<Item> = {
  readonly items: readonly Item[]
  readonly nextCursor: string | undefined
}

/**
 * What a server has beside tools. Reading is a call (`resources.read`, `prompts.get`, ...): here is
 * only what lists, and what tells of changes. All but `watch` throw `upstream.*`.
 */
export type ServerFeatures<Server extends ToolServer = ToolServer> = {
  listResources(target: FeatureTarget<Server>, cursor?: string): Promise<FeaturePage<Resource>>
  listTemplates(
    target: FeatureTarget<Server>,
    cursor?: string,
  ): Promise<FeaturePage<ResourceTemplateType>>
  listPrompts(target: FeatureTarget<Server>, cursor?: string): Promise<FeaturePage<Prompt>>
  /** Tells of changes until the returned function is called. */
  watch(target: FeatureTarget<Server>, onChange: (change: FeatureChange) => void): () => void
  /** Asks the server to tell when the resource changes, until `unfollow`. */
  follow(target: FeatureTarget<Server>, uri: string): Promise<void>
  unfollow(target: FeatureTarget<Server>, uri: string): Promise<void>
}
