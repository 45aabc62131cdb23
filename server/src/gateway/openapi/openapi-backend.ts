// HTTP APIs as tool servers: the operations of their OpenAPI documents, as tools.
import type { Pool } from 'undici'
import { sha256Hex } from '../../core/canonical.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { ListedTool, ToolBackend, ToolEnd, ToolRequest, ToolTarget } from '../tools/backend.ts'
import { textOf } from '../tools/backends.ts'
import type { Reach } from '../../core/network/address-policy.ts'
import { ApiSource, type PinnedOperation } from './api-source.ts'
import { buildRequest } from './build-request.ts'
import { type Credentials, readCredentials, redacted } from './credentials.ts'
import { exchange } from './exchange.ts'
import { GuardedPools } from './guarded-pools.ts'
import type { OpenApiServer } from './openapi-server.ts'
import type { Operation } from './operation.ts'
import { readEnd } from './read-reply.ts'

type Log = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export class OpenApiBackend implements ToolBackend<OpenApiServer> {
  /** By the server of a compiled pact, which never changes: gone when the pact is. */
  readonly #sources = new WeakMap<OpenApiServer, ApiSource>()
  readonly #pools: GuardedPools
  readonly #secretOf: (name: string) => string | undefined
  readonly #log: Log

  constructor(options: {
    secretOf: (name: string) => string | undefined
    log: Log
    pools?: GuardedPools
  }) {
    this.#secretOf = options.secretOf
    this.#log = options.log
    this.#pools = options.pools ?? new GuardedPools()
  }

  async list(name: string, server: OpenApiServer): Promise<readonly ListedTool[]> {
    readCredentials(server.auth, this.#secretOf)
    await this.#pools.check(new URL(server.baseUrl).origin, reachOf(server))
    const api = await this.#source(name, server).load()
    for (const { name: operation, reason } of api.skipped) {
      this.#log('an operation is not served', { server: name, operation, reason })
    }
    return [...api.operations.values()].map(({ tool }) => tool)
  }

  async hashOf(target: ToolTarget<OpenApiServer>): Promise<string | undefined> {
    try {
      const api = await this.#source(target.name, target.server).current()
      return api.operations.get(target.tool)?.hash
    } catch {
      return undefined
    }
  }

  async call(target: ToolTarget<OpenApiServer>, request: ToolRequest): Promise<ToolEnd> {
    const { server } = target
    let operation: PinnedOperation | undefined
    let credentials: Credentials
    let pool: Pool
    try {
      credentials = readCredentials(server.auth, this.#secretOf)
      const source = this.#source(target.name, server)
      operation = await source.operation(target.tool, request.pinnedHash)
      pool = this.#pools.pool(new URL(server.baseUrl).origin, reachOf(server))
    } catch (cause) {
      const code = cause instanceof AirworthyError ? cause.code : 'upstream.unreachable'
      const message = `the API ${target.name} cannot be used: ${textOf(cause)}`
      return { kind: 'failed', error: new AirworthyError(code, message, { cause }) }
    }
    if (operation === undefined) {
      const message = `the OpenAPI document has no operation ${target.tool} any more`
      return { kind: 'failed', error: new AirworthyError('tool.drift', message) }
    }
    return this.#send({ target, request, operation, credentials, pool })
  }

  async #send(options: {
    target: ToolTarget<OpenApiServer>
    request: ToolRequest
    operation: Operation
    credentials: Credentials
    pool: Pool
  }): Promise<ToolEnd> {
    const { target, request, operation, credentials, pool } = options
    const { server } = target
    const effectKey = effectKeyOf(request.meta)
    const built = buildRequest(operation, request.args, { server, credentials, effectKey })
    if (built.kind === 'invalid') {
      return { kind: 'failed', error: new AirworthyError('tool.arguments_invalid', built.message) }
    }
    const { timeoutMs, responseBytesMax: replyBytesMax, unknownStatuses } = server
    const { signal, live } = request
    const end = await exchange(pool, built.request, { timeoutMs, replyBytesMax, signal, live })
    const read = readEnd(end, {
      isWrite: Object.hasOwn(request.meta, effectKeyMeta),
      secrets: credentials.secrets,
      unknownStatuses,
      replyBytesMax,
    })
    if (read.kind === 'result' && JSON.stringify(read.result.content).includes(redacted)) {
      const fields = { server: target.name, tool: target.tool }
      this.#log('an API repeated its credential, which was taken out of the reply', fields)
    }
    return read
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pools[Symbol.asyncDispose]()
  }

  #source(name: string, server: OpenApiServer): ApiSource {
    const known = this.#sources.get(server)
    if (known !== undefined) return known
    const source = new ApiSource({ name, server, pools: this.#pools, log: this.#log })
    this.#sources.set(server, source)
    return source
  }
}

/** In the clear a secret goes to an API of one's own, and nowhere else. */
function reachOf({ allowPrivate, auth, baseUrl }: OpenApiServer): Reach {
  return { allowPrivate, privateOnly: auth !== undefined && baseUrl.startsWith('http:') }
}

const effectKeyMeta = 'airworthy/effect-key'

/** As a header may hold it; undefined for a read. */
function effectKeyOf(meta: ToolRequest['meta']): string | undefined {
  const key = meta[effectKeyMeta]
  if (typeof key !== 'string' || key === '') return undefined
  return /^[\x21-\x7e]{1,255}$/.test(key) ? key : sha256Hex(key)
}
