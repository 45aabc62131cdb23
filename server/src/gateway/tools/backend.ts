// What the gateway asks of a place that tools come from: an MCP server, an HTTP API, a database.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { AirworthyError } from '../../core/errors.ts'
import type { Manifest } from '../../core/pact/manifest.ts'

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
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ToolProgress) => void) | undefined
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
}
