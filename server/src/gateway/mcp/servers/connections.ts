// Connections to MCP servers, over stdio or Streamable HTTP, in either revision. One connection
// serves all sessions, but where the server may ask the client; a broken one is made anew, and a
// program that ended is started again.
import { setTimeout as sleep } from 'node:timers/promises'
import { StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client'
import { canonicalJson } from '../../../core/canonical.ts'
import { AirworthyError, asAirworthyError } from '../../../core/errors.ts'
import type {
  FeatureChange,
  ListedTool,
  ToolBackend,
  ToolEnd,
  ToolRequest,
  ToolTarget,
} from '../../tools/backend.ts'
import { textOf } from '../../tools/backends.ts'
import { boundedFetch } from './bounded-fetch.ts'
import type { ConnectedEnd } from './call-connected.ts'
import { callServer } from './call-server.ts'
import {
  callKind,
  chooseIdle,
  type ConnectionKind,
  idleMs,
  listingKind,
} from './client-connections.ts'
import { McpConnection, type McpServer } from './connection.ts'
import { capabilitiesOf } from './relay-marks.ts'
import { defaultRestarts, planRestart } from './restarts.ts'
import { McpFeatures } from './server-features.ts'
import { StdioTransport } from './stdio-transport.ts'

/** Calls that may wait for one server at once. */
const outstandingMax = 256
const serversMax = 500

/** One server of one manifest, whether it is connected or not. */
type Supervised = {
  readonly name: string
  readonly server: McpServer
  readonly watchers: Set<(change: FeatureChange) => void>
  connecting: Promise<McpConnection> | undefined
  /** When it ended without being asked to, in ms of the process clock, oldest first. */
  endsMs: number[]
  lastStderr: string
  /** It answered as an older revision does; it is not asked again. */
  isLegacy: boolean
  readonly kind: ConnectionKind
  /** Calls that are under way on it. */
  calls: number
  /** Of one client's own: since when it has no call, in ms of the process clock. */
  idleSinceMs: number | undefined
  idleTimer: NodeJS.Timeout | undefined
}

export class McpBackend implements ToolBackend<McpServer> {
  readonly features: McpFeatures
  readonly #supervised = new Map<string, Supervised>()
  readonly #stopping = new AbortController()
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
    this.features = new McpFeatures({
      connect: ({ name, server }) => this.#connect(this.#find(name, server)),
      watchersOf: ({ name, server }) => this.#find(name, server).watchers,
      log: options.log,
    })
  }

  /** Enrolment pins what the server lists now, not what it listed when it was first asked. */
  async list(name: string, server: McpServer): Promise<readonly ListedTool[]> {
    const supervised = this.#find(name, server)
    const isNew = supervised.connecting === undefined
    const connection = await this.#connect(supervised)
    const listed = isNew ? connection.listed() : connection.listAgain()
    return (await listed).tools
  }

  /** The hash of the tool as its server lists it now; undefined when it lists none, or is away. */
  async hashOf(target: ToolTarget<McpServer>): Promise<string | undefined> {
    try {
      const connection = await this.#connect(this.#find(target.name, target.server))
      return (await connection.listed()).hashes.get(target.tool)
    } catch {
      return undefined
    }
  }

  async call(target: ToolTarget<McpServer>, request: ToolRequest): Promise<ToolEnd> {
    const { name, server } = target
    let supervised: Supervised
    try {
      supervised = this.#find(name, server, callKind(server, request.relay))
    } catch (thrown) {
      return { kind: 'failed', error: asAirworthyError(thrown) }
    }
    const end = await this.#callOnce(supervised, target, request)
    // Once: a server that forgets every session would be asked for ever.
    if (end.kind === 'failed' && end.isSessionLost === true) {
      return this.#callOnce(supervised, target, request)
    }
    return end
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    const all = [...this.#supervised.values()]
    await Promise.all(all.map((supervised) => this.#drop(supervised)))
  }

  async #callOnce(
    supervised: Supervised,
    target: ToolTarget<McpServer>,
    request: ToolRequest,
  ): Promise<ConnectedEnd> {
    supervised.calls += 1
    clearTimeout(supervised.idleTimer)
    supervised.idleSinceMs = undefined
    try {
      return await this.#callConnected(supervised, target, request)
    } finally {
      supervised.calls -= 1
      this.#rest(supervised)
    }
  }

  /** A client that calls no more leaves its connection behind, and perhaps a program. */
  #rest(supervised: Supervised): void {
    if (!supervised.kind.isOfClient || supervised.calls > 0) return
    supervised.idleSinceMs = performance.now()
    supervised.idleTimer = setTimeout(() => this.#letGo(supervised), idleMs)
    supervised.idleTimer.unref()
  }

  #letGo(supervised: Supervised): void {
    clearTimeout(supervised.idleTimer)
    for (const [key, one] of this.#supervised) {
      if (one === supervised) this.#supervised.delete(key)
    }
    void this.#drop(supervised)
  }

  async #callConnected(
    supervised: Supervised,
    target: ToolTarget<McpServer>,
    request: ToolRequest,
  ): Promise<ConnectedEnd> {
    let connection: McpConnection
    try {
      connection = await this.#connect(supervised)
    } catch (cause) {
      const message = `the tool server ${target.name} cannot be reached: ${textOf(cause)}`
      const error = new AirworthyError('upstream.unreachable', message, { cause })
      return { kind: 'failed', error }
    }
    if (connection.outstanding >= outstandingMax) {
      const message = `${outstandingMax} calls wait for the tool server ${target.name} already`
      return { kind: 'failed', error: new AirworthyError('gateway.overloaded', message) }
    }
    connection.outstanding += 1
    try {
      const end = await callServer(connection, target, request)
      if (end.kind !== 'result' && end.isBroken === true) await this.#retire(supervised, connection)
      return end
    } finally {
      connection.outstanding -= 1
      const { relayed, outstanding } = connection
      if (outstanding === 0 && connection.isRetired) await connection[Symbol.asyncDispose]()
      else if (outstanding === 0 && relayed.isUncertain) await this.#drop(supervised, connection)
    }
  }

  #find(name: string, server: McpServer, kind = listingKind(server)): Supervised {
    const serverKey = `${name} ${canonicalJson(server)}`
    const key = `${serverKey} ${kind.key}`
    const known = this.#supervised.get(key)
    if (known !== undefined) return known
    this.#forgetIdle()
    if (kind.isOfClient) {
      const ofClients = [...this.#supervised.values()].filter((one) => one.kind.isOfClient)
      const idle = chooseIdle(ofClients)
      if (idle !== undefined) this.#letGo(idle)
    }
    const supervised: Supervised = {
      name,
      server,
      watchers: new Set(),
      connecting: undefined,
      endsMs: [],
      lastStderr: '',
      isLegacy: this.#supervised.get(`${serverKey} `)?.isLegacy ?? false,
      kind,
      calls: 0,
      idleSinceMs: undefined,
      idleTimer: undefined,
    }
    this.#supervised.set(key, supervised)
    return supervised
  }

  /** Manifests that nobody uses any more leave servers behind: the oldest unconnected ones go. */
  #forgetIdle(): void {
    if (this.#supervised.size < serversMax) return
    for (const [key, one] of this.#supervised) {
      if (one.connecting === undefined && one.watchers.size === 0) {
        this.#supervised.delete(key)
        return
      }
    }
  }

  #connect(supervised: Supervised): Promise<McpConnection> {
    if (supervised.connecting !== undefined) return supervised.connecting
    const connecting = this.#start(supervised)
    supervised.connecting = connecting
    connecting.catch(() => {
      if (supervised.connecting === connecting) supervised.connecting = undefined
    })
    return connecting
  }

  async #start(supervised: Supervised): Promise<McpConnection> {
    const { server } = supervised
    if (server.transport === 'http') return this.#open(supervised)
    const limits = server.restarts ?? defaultRestarts
    const { endsMs, lastStderr } = supervised
    const nowMs = performance.now()
    const plan = planRestart(endsMs, { limits, nowMs, random: Math.random() })
    if (plan.kind === 'given_up') {
      const seconds = Math.ceil((plan.retryAtMs - nowMs) / 1000)
      const said = lastStderr === '' ? '' : `; it said last: ${lastStderr}`
      throw new Error(`it ended ${plan.ends} times, so it is left alone for ${seconds} s${said}`)
    }
    await sleep(plan.delayMs, undefined, { signal: this.#stopping.signal })
    try {
      return await this.#open(supervised)
    } catch (thrown) {
      noteEnd(supervised)
      const said = supervised.lastStderr === '' ? '' : ` (it said last: ${supervised.lastStderr})`
      throw new Error(`${textOf(thrown)}${said}`, { cause: thrown })
    }
  }

  async #open(supervised: Supervised): Promise<McpConnection> {
    const { protocol } = supervised.server
    if (protocol === '2026-07-28') return this.#openAs(supervised, { pin: protocol })
    if (protocol !== undefined || supervised.isLegacy) return this.#openAs(supervised, 'legacy')
    let connection: McpConnection
    try {
      connection = await this.#openAs(supervised, 'auto')
    } catch (thrown) {
      // Some old servers end when they are asked what they do not know.
      if (supervised.server.transport !== 'stdio' || !isNegotiationFailure(thrown)) throw thrown
      connection = await this.#openAs(supervised, 'legacy')
    }
    supervised.isLegacy = connection.era === 'legacy'
    return connection
  }

  async #openAs(
    supervised: Supervised,
    mode: 'auto' | 'legacy' | { pin: string },
  ): Promise<McpConnection> {
    const { name, server } = supervised
    const connection = await McpConnection.open({
      name,
      grants: server,
      mode,
      capabilities: capabilitiesOf(supervised.kind.marks),
      transport: this.#transport(supervised),
      onChange: (change) => {
        for (const watcher of supervised.watchers) watcher(change)
      },
      onClose: (closed) => void this.#closed(supervised, closed),
      onError: (error) => this.#log('a tool server failed', { server: name, error: error.message }),
    })
    this.#stopping.signal.throwIfAborted()
    if (!supervised.kind.isOfClient) void this.features.connected({ name, server }, connection)
    return connection
  }

  /** A connection closed by itself: a program that ended is started again at once, or soon. */
  async #closed(supervised: Supervised, connection: McpConnection): Promise<void> {
    const current = await supervised.connecting?.catch(() => undefined)
    // One that was dropped on purpose has been replaced, or let go, before it closed.
    if (current !== connection) return
    supervised.connecting = undefined
    if (supervised.server.transport !== 'stdio' || this.#stopping.signal.aborted) return
    noteEnd(supervised)
    const { name, lastStderr, kind } = supervised
    this.#log('a tool server ended; it is started again', { server: name, stderr: lastStderr })
    // That of one client is started with its next call, if there is one.
    if (!kind.isOfClient) this.#restart(supervised)
  }

  #restart(supervised: Supervised): void {
    this.#connect(supervised).catch((thrown: unknown) => {
      if (this.#stopping.signal.aborted) return
      this.#log('a tool server could not be started again', {
        server: supervised.name,
        error: textOf(thrown),
      })
      if (!isGivenUp(supervised)) this.#restart(supervised)
    })
  }

  #transport(supervised: Supervised): Transport {
    const { server } = supervised
    if (server.transport === 'http') {
      const headers = this.#secretsOf(server.headersEnv)
      return new StreamableHTTPClientTransport(new URL(server.url), {
        requestInit: { headers },
        fetch: boundedFetch,
      })
    }
    const { command, args, cwd } = server
    return new StdioTransport({
      command,
      args,
      env: { ...this.#inherited, ...server.env, ...this.#secretsOf(server.envFrom ?? {}) },
      cwd,
      onStderr: (line) => {
        supervised.lastStderr = line
        this.#log('tool server', { server: supervised.name, stderr: line })
      },
    })
  }

  #secretsOf(variables: Readonly<Record<string, string>>): Record<string, string> {
    const values: Record<string, string> = {}
    for (const [name, variable] of Object.entries(variables)) {
      const value = this.#secretOf(variable)
      if (value === undefined) throw new Error(`the environment has no ${variable}`)
      values[name] = value
    }
    return values
  }

  /**
   * Over HTTP every call is a request of its own: one that broke says nothing of the others, which
   * may end on the connection that new calls do not use any more.
   */
  async #retire(supervised: Supervised, connection: McpConnection): Promise<void> {
    if (supervised.server.transport !== 'http') {
      await this.#drop(supervised, connection)
      return
    }
    connection.isRetired = true
    const { connecting } = supervised
    const current = await connecting?.catch(() => undefined)
    if (current === connection && supervised.connecting === connecting) {
      supervised.connecting = undefined
    }
  }

  /** Lets a connection go, and waits until it is closed. */
  async #drop(supervised: Supervised, only?: McpConnection): Promise<void> {
    const { connecting } = supervised
    const connection = await connecting?.catch(() => undefined)
    if (only !== undefined && connection !== only) return
    if (supervised.connecting === connecting) supervised.connecting = undefined
    await connection?.[Symbol.asyncDispose]()
  }
}

function noteEnd(supervised: Supervised): void {
  const limits = restartsOf(supervised)
  supervised.endsMs = [...supervised.endsMs, performance.now()].slice(-limits.max)
}

function isGivenUp(supervised: Supervised): boolean {
  const limits = restartsOf(supervised)
  const nowMs = performance.now()
  return planRestart(supervised.endsMs, { limits, nowMs, random: 0 }).kind === 'given_up'
}

function restartsOf({ server }: Supervised): { max: number; withinSeconds: number } {
  return (server.transport === 'stdio' ? server.restarts : undefined) ?? defaultRestarts
}

/** By the code that the client gives it; a timeout or a refusal is something else. */
function isNegotiationFailure(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ERA_NEGOTIATION_FAILED'
}
