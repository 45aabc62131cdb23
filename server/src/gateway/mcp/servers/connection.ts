// One connection to an MCP server, in whichever revision it speaks, with what the server lists now.
import {
  Client,
  type ClientCapabilities,
  ProtocolError,
  ProtocolErrorCode,
  SdkError,
  SdkErrorCode,
  type Tool,
  type Transport,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client'
import { version } from '../../../core/version.ts'
import { hashTool } from '../../pacts.ts'
import type { FeatureChange, ListedTool, ToolServer } from '../../tools/backend.ts'
import { callContext } from './call-context.ts'
import { type FeatureGrants, featureTools } from './features.ts'
import { RelayedCalls, relayRequests } from './relayed-calls.ts'

export type McpServer = Extract<ToolServer, { transport: 'stdio' | 'http' }>

export type Era = 'legacy' | 'modern'

export type ListedNow = {
  readonly tools: readonly ListedTool[]
  readonly definitions: ReadonlyMap<string, Tool>
  /** By bare tool name: the hash of what the server lists now. */
  readonly hashes: ReadonlyMap<string, string>
}

export type ConnectionOptions = {
  readonly name: string
  readonly grants: FeatureGrants
  readonly mode: VersionNegotiationMode
  /** What the server is told that it may ask for. */
  readonly capabilities: ClientCapabilities
  readonly transport: Transport
  readonly onChange: (change: FeatureChange) => void
  readonly onClose: (connection: McpConnection) => void
  readonly onError: (error: Error) => void
}

/** Starting a program may take a while; after that, it must answer. */
const connectTimeoutMs = 20_000
/** Old servers over stdio may say nothing to a question that they do not know. */
const probeTimeoutMs = 3000
const listTimeoutMs = 10_000
const listPagesMax = 100
const toolsMax = 5000
/** A server that does not tell of changes, or whose telling was lost, is asked again. */
const listAgainAfterMs = 30_000

export class McpConnection implements AsyncDisposable {
  readonly client: Client
  /** Calls during which the server may ask the client that made them. */
  readonly relayed: RelayedCalls
  readonly #options: ConnectionOptions
  #listed: Promise<ListedNow>
  #listedAtMs = 0
  #isClosed = false
  /** Calls that wait for this server. */
  outstanding = 0
  /** No new calls: it closes when the last of those under way has ended. */
  isRetired = false

  private constructor(client: Client, relayed: RelayedCalls, options: ConnectionOptions) {
    this.client = client
    this.relayed = relayed
    this.#options = options
    this.#listed = Promise.reject(new Error('nothing is listed yet'))
    this.#listed.catch(() => undefined)
  }

  /** Connects, finds out the revision, lists the tools. Throws what the client or server said. */
  static async open(options: ConnectionOptions): Promise<McpConnection> {
    const { transport, mode, capabilities } = options
    let connection: McpConnection | undefined
    const listChanged = {
      autoRefresh: false,
      debounceMs: 0,
      // A failure is told and dealt with there.
      onChanged: () => void connection?.listAgain().catch(() => undefined),
    }
    const client = new Client(
      { name: 'airworthy', version },
      {
        // None but what is relayed: a tool server may not ask the agent's model or its people.
        capabilities,
        versionNegotiation: { mode, probe: { timeoutMs: probeTimeoutMs } },
        listMaxPages: listPagesMax,
        listChanged: {
          tools: listChanged,
          prompts: { ...listChanged, onChanged: () => options.onChange({ kind: 'prompts' }) },
          resources: { ...listChanged, onChanged: () => options.onChange({ kind: 'resources' }) },
        },
      },
    )
    client.onerror = options.onError
    client.fallbackRequestHandler = (request) => {
      options.onError(new Error(`it asked for ${request.method}, which is refused`))
      const message = `${request.method} is not available to tool servers here`
      throw new ProtocolError(ProtocolErrorCode.MethodNotFound, message)
    }
    listenToServer(client, options)
    const relayed = new RelayedCalls()
    relayRequests(client, relayed, capabilities)
    connection = new McpConnection(client, relayed, options)
    try {
      await client.connect(transport, { timeout: connectTimeoutMs })
      await connection.listAgain()
    } catch (thrown) {
      // Nobody holds this connection yet: its process would stay for ever.
      await client.close().catch(() => undefined)
      await transport.close().catch(() => undefined)
      throw thrown
    }
    const opened = connection
    client.onclose = () => {
      opened.#isClosed = true
      options.onClose(opened)
    }
    if (!connection.isOpen) throw new SdkError(SdkErrorCode.ConnectionClosed, 'it ended at once')
    return connection
  }

  get era(): Era {
    return this.client.getProtocolEra() === 'modern' ? 'modern' : 'legacy'
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.client.transport !== undefined
  }

  /** What it lists now; waits for a listing after a change, so that nothing stale is trusted. */
  listed(): Promise<ListedNow> {
    if (performance.now() - this.#listedAtMs > listAgainAfterMs) void this.#refresh()
    return this.#listed
  }

  /**
   * Asks anew; until the answer is there, `listed` waits for it. Rejects when there is none, and then
   * no tool is as it was enrolled, because nobody knows what the server lists.
   */
  listAgain(): Promise<ListedNow> {
    this.#listedAtMs = performance.now()
    const before = this.#listed
    const listing = this.#list()
    this.#listed = listing.catch(async (thrown: unknown) => {
      this.#options.onError(errorIn(thrown))
      // Asked again with the next call.
      this.#listedAtMs = -Infinity
      return unknownList(await before)
    })
    this.#listed.catch(() => undefined)
    return listing
  }

  /** In case a change was not told. Calls need not wait for it, nor does it end them when it fails. */
  async #refresh(): Promise<void> {
    this.#listedAtMs = performance.now()
    const before = this.#listed
    try {
      const listed = await this.#list()
      if (this.#listed === before) this.#listed = Promise.resolve(listed)
    } catch (thrown) {
      this.#options.onError(errorIn(thrown))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close().catch(() => undefined)
  }

  async #list(): Promise<ListedNow> {
    const { name, grants } = this.#options
    const capabilities = this.client.getServerCapabilities() ?? {}
    const found =
      capabilities.tools === undefined
        ? []
        : (
            await this.client.listTools(undefined, {
              timeout: listTimeoutMs,
              cacheMode: 'refresh',
            })
          ).tools
    if (found.length > toolsMax) throw new Error(`it lists more than ${toolsMax} tools`)
    const definitions = new Map(found.map((tool) => [tool.name, tool]))
    const features = featureTools(grants, capabilities)
    const clash = features.find((feature) => definitions.has(feature.name))
    if (clash !== undefined) {
      throw new Error(`its tool ${clash.name} has the name by which the manifest opens a feature`)
    }
    const tools = [...found.map(readTool), ...features]
    const hashes = new Map(
      tools.map((tool) => [
        tool.name,
        hashTool({
          name: `${name}/${tool.name}`,
          description: tool.description,
          inputSchema: tool.inputSchema,
          outputSchema: tool.outputSchema,
        }),
      ]),
    )
    return { tools, definitions, hashes }
  }
}

/** The same tools, none of which is known to be what it was. */
function unknownList({ tools, definitions }: ListedNow): ListedNow {
  return { tools, definitions, hashes: new Map(tools.map((tool) => [tool.name, ''])) }
}

function errorIn(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function readTool(tool: Tool): ListedTool {
  return {
    name: tool.name,
    description: tool.description ?? '',
    inputSchema: tool.inputSchema,
    ...(tool.outputSchema === undefined ? {} : { outputSchema: tool.outputSchema }),
  }
}

function listenToServer(client: Client, options: ConnectionOptions): void {
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    options.onChange({ kind: 'resource', uri: params.uri })
  })
  client.setNotificationHandler('notifications/message', ({ params }) => {
    callContext()?.onMessage?.(params)
  })
}
