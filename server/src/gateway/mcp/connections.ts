// Connections to tool servers, over stdio or Streamable HTTP, with the official client. One
// connection serves all sessions; a broken one is made anew at the next call.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { Tool } from '@modelcontextprotocol/sdk/types.js'
import { canonicalJson } from '../../core/canonical.ts'
import { AirworthyError } from '../../core/errors.ts'
import { hashTool } from '../pacts.ts'
import type {
  ListedTool,
  ToolBackend,
  ToolEnd,
  ToolRequest,
  ToolServer,
  ToolTarget,
} from '../tools/backend.ts'
import { textOf } from '../tools/backends.ts'
import { callConnected } from './call-connected.ts'

type Connection = {
  readonly client: Client
  readonly transport: Transport
  /** By bare tool name: the hash of what the server lists now. */
  readonly hashes: ReadonlyMap<string, string>
  readonly tools: readonly Tool[]
}

const connectTimeoutMs = 10_000
const listPagesMax = 100
const toolsMax = 5000
const stderrLineMax = 500

export class McpBackend implements ToolBackend {
  readonly #connections = new Map<string, Promise<Connection>>()
  readonly #secretOf: (name: string) => string | undefined
  readonly #inherited: Readonly<Record<string, string>>
  readonly #log: (message: string, fields?: Readonly<Record<string, unknown>>) => void

  constructor(options: {
    secretOf: (name: string) => string | undefined
    /** What a stdio server inherits: PATH and HOME, no secrets. */
    inherited: Readonly<Record<string, string>>
    log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  }) {
    this.#secretOf = options.secretOf
    this.#inherited = options.inherited
    this.#log = options.log
  }

  async list(name: string, server: ToolServer): Promise<readonly ListedTool[]> {
    // Enrolment pins what the server lists now, not what it listed when it was first asked.
    await this.#drop(keyOf(name, server))
    const { tools } = await this.#connect(name, server)
    return tools.map((tool) => ({
      name: tool.name,
      description: tool.description ?? '',
      inputSchema: tool.inputSchema,
      ...(tool.outputSchema === undefined ? {} : { outputSchema: tool.outputSchema }),
    }))
  }

  /** The hash of the tool as its server lists it now; undefined when it lists none, or is away. */
  async hashOf(target: ToolTarget): Promise<string | undefined> {
    try {
      const connection = await this.#connect(target.name, target.server)
      return connection.hashes.get(target.tool)
    } catch {
      return undefined
    }
  }

  async call(target: ToolTarget, request: ToolRequest): Promise<ToolEnd> {
    const key = keyOf(target.name, target.server)
    let connection: Connection
    try {
      connection = await this.#connect(target.name, target.server)
    } catch (cause) {
      const message = `the tool server ${target.name} cannot be reached: ${textOf(cause)}`
      const error = new AirworthyError('upstream.unreachable', message, { cause })
      return { kind: 'failed', error }
    }
    const timeoutMs = target.server.timeoutMs
    const end = await callConnected(connection.client, { ...request, tool: target.tool, timeoutMs })
    if (end.kind !== 'result' && end.isBroken) await this.#drop(key)
    return end
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const keys = [...this.#connections.keys()]
    await Promise.all(keys.map((key) => this.#drop(key)))
  }

  #connect(name: string, server: ToolServer): Promise<Connection> {
    const key = keyOf(name, server)
    const known = this.#connections.get(key)
    if (known !== undefined) return known
    const forget = (): void => {
      // An old connection that closes late must not take a new one with it.
      if (this.#connections.get(key) === connecting) this.#connections.delete(key)
    }
    const connecting = this.#open(name, server, forget)
    this.#connections.set(key, connecting)
    connecting.catch(forget)
    return connecting
  }

  async #open(name: string, server: ToolServer, onClose: () => void): Promise<Connection> {
    const client = new Client({ name: 'airworthy', version: '0.1.0' })
    const transport = this.#transport(name, server)
    await client.connect(transport, { timeout: connectTimeoutMs })
    client.onclose = onClose
    client.onerror = (error) =>
      this.#log('a tool server failed', { server: name, error: error.message })
    const tools = await listTools(client).catch(async (thrown: unknown) => {
      // Nobody holds this connection yet: its process would stay for ever.
      await client.close()
      throw thrown
    })
    const hashes = new Map(
      tools.map((tool) => [
        tool.name,
        hashTool({
          name: `${name}/${tool.name}`,
          description: tool.description ?? '',
          inputSchema: tool.inputSchema,
          outputSchema: tool.outputSchema,
        }),
      ]),
    )
    return { client, transport, hashes, tools }
  }

  #transport(name: string, server: ToolServer): Transport {
    if (server.transport === 'http') {
      const headers: Record<string, string> = {}
      for (const [header, variable] of Object.entries(server.headersEnv ?? {})) {
        const value = this.#secretOf(variable)
        if (value === undefined) throw new Error(`the environment has no ${variable}`)
        headers[header] = value
      }
      return new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } })
    }
    const transport = new StdioClientTransport({
      command: server.command,
      args: [...server.args],
      env: { ...this.#inherited, ...server.env },
      stderr: 'pipe',
      ...(server.cwd === undefined ? {} : { cwd: server.cwd }),
    })
    transport.stderr?.on('data', (chunk: Buffer) => {
      const line = chunk.toString('utf8').slice(0, stderrLineMax).trimEnd()
      if (line !== '') this.#log('tool server', { server: name, stderr: line })
    })
    return transport
  }

  async #drop(key: string): Promise<void> {
    const known = this.#connections.get(key)
    this.#connections.delete(key)
    const connection = await known?.catch(() => undefined)
    await connection?.client.close().catch(() => undefined)
  }
}

async function listTools(client: Client): Promise<Tool[]> {
  const tools: Tool[] = []
  let cursor: string | undefined
  for (let page = 0; page < listPagesMax && tools.length < toolsMax; page += 1) {
    const reply = await client.listTools(cursor === undefined ? {} : { cursor }, {
      timeout: connectTimeoutMs,
    })
    tools.push(...reply.tools)
    if (reply.nextCursor === undefined) return tools
    cursor = reply.nextCursor
  }
  throw new Error(`the server lists more than ${toolsMax} tools`)
}

function keyOf(name: string, server: ToolServer): string {
  return `${name} ${canonicalJson(server)}`
}
