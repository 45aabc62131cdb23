// All tool servers, whatever their kind: each is asked through the backend of its transport.
import { AirworthyError, statusOf } from '../../core/errors.ts'
import type { Manifest } from '../../core/pact/manifest.ts'
import type { LiveCall } from '../kill/fence.ts'
import type {
  ServerFeatures,
  ToolBackend,
  ToolEnd,
  ToolRequest,
  ToolServer,
  ToolTarget,
} from './backend.ts'

/** Of enrolment: the tool without its name, which is the key. */
export type EnrolledTool = {
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema?: Readonly<Record<string, unknown>> | undefined
}

export class ToolBackends implements AsyncDisposable {
  readonly #backends: Readonly<Record<ToolServer['transport'], ToolBackend>>

  constructor(backends: Readonly<Record<ToolServer['transport'], ToolBackend>>) {
    this.#backends = backends
  }

  /** All tools of the servers, keyed by `server/tool`. Throws `manifest.tool_server_unreachable`. */
  async list(servers: Manifest['toolServers']): Promise<Record<string, EnrolledTool>> {
    const listed: Record<string, EnrolledTool> = {}
    for (const [name, server] of Object.entries(servers)) {
      const tools = await this.#of(server)
        .list(name, server)
        .catch((cause: unknown) => {
          // It did answer, and what it said is about the manifest.
          if (cause instanceof AirworthyError && statusOf(cause.code) === 422) throw cause
          const message = `the tool server ${name} does not answer: ${textOf(cause)}`
          throw new AirworthyError('manifest.tool_server_unreachable', message, { cause })
        })
      for (const { name: tool, ...rest } of tools) listed[`${name}/${tool}`] = rest
    }
    return listed
  }

  hashOf(target: ToolTarget): Promise<string | undefined> {
    return this.#of(target.server).hashOf(target)
  }

  /** Nothing reaches a tool server but by a live call, which a kill cuts. */
  async call(
    target: ToolTarget,
    request: ToolRequest & { readonly live: LiveCall },
  ): Promise<ToolEnd> {
    const { live, signal } = request
    if (live.refusal() !== undefined) await live.awaitLease()
    const refusal = live.refusal()
    if (refusal !== undefined) return { kind: 'failed', error: refusal }
    const end = await this.#of(target.server).call(target, {
      ...request,
      signal: signal === undefined ? live.signal : AbortSignal.any([signal, live.signal]),
    })
    // What a kill cut was not given up by its client.
    if (end.kind === 'result' || live.cutReason === undefined) return end
    return { kind: end.kind, error: live.cutReason }
  }

  /** Undefined for a kind of server that has tools only. */
  features(server: ToolServer): ServerFeatures | undefined {
    return this.#of(server).features
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const backends = new Set(Object.values(this.#backends))
    await Promise.all([...backends].map((backend) => backend[Symbol.asyncDispose]()))
  }

  #of(server: ToolServer): ToolBackend {
    return this.#backends[server.transport]
  }
}

export function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const cause = thrown.cause instanceof Error ? ` (${thrown.cause.message})` : ''
  return `${thrown.message}${cause}`
}
