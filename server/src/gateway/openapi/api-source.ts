// Where a server's operations come from: its document, in the manifest or at a URL. A copy of a URL
// is used until it is old; then it is fetched again in the background, and a change of it is drift.
// A call that was decided on the copy before still goes where that one said.
import { setImmediate } from 'node:timers/promises'
import { AirworthyError } from '../../core/errors.ts'
import { hashTool } from '../pacts.ts'
import { type CompiledApi, compileApi } from './compile-api.ts'
import { type ApiDocument, checkDocument, readDocument } from './document.ts'
import { type DocumentMark, fetchDocument, type FetchedDocument } from './fetch-document.ts'
import type { GuardedPools } from './guarded-pools.ts'
import type { OpenApiServer } from './openapi-server.ts'
import type { Operation } from './operation.ts'

const failedWaitMs = 5000
/** Longer than a call waits between its decision and its dispatch. */
const previousKeptMs = 120_000

export type PinnedOperation = Operation & { readonly hash: string }

export type PinnedApi = {
  readonly operations: ReadonlyMap<string, PinnedOperation>
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

type Log = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export class ApiSource {
  readonly #name: string
  readonly #server: OpenApiServer
  readonly #pools: GuardedPools
  readonly #log: Log
  #api: PinnedApi | undefined
  #previous: { readonly api: PinnedApi; readonly untilMs: number } | undefined
  #mark: DocumentMark | undefined
  #loading: Promise<PinnedApi> | undefined
  /** When it was last tried to fetch the document, in milliseconds of the monotonic clock. */
  #triedAtMs = 0
  #failure: unknown

  constructor(options: { name: string; server: OpenApiServer; pools: GuardedPools; log: Log }) {
    this.#name = options.name
    this.#server = options.server
    this.#pools = options.pools
    this.#log = options.log
  }

  /** The operations as they were last known. Rejects when they never were. */
  async current(): Promise<PinnedApi> {
    const { document } = this.#server
    const ageMs = performance.now() - this.#triedAtMs
    if (this.#api === undefined) {
      if (this.#failure !== undefined && ageMs < failedWaitMs) throw this.#failure
      return this.load()
    }
    if ('url' in document && ageMs >= document.refreshSeconds * 1000) {
      this.load().catch((error: unknown) =>
        this.#log('an OpenAPI document could not be fetched again; its copy is used', {
          url: document.url,
          error: String(error),
        }),
      )
    }
    return this.#api
  }

  /**
   * The operation that a call was decided on; as it is now when none of that hash is known any more.
   * Rejects as `current` does.
   */
  async operation(tool: string, pinnedHash?: string): Promise<PinnedOperation | undefined> {
    const now = (await this.current()).operations.get(tool)
    if (pinnedHash === undefined || now?.hash === pinnedHash) return now
    const { api, untilMs } = this.#previous ?? { api: undefined, untilMs: 0 }
    const before = performance.now() < untilMs ? api?.operations.get(tool) : undefined
    return before?.hash === pinnedHash ? before : now
  }

  /** The operations as the document has them now. */
  load(): Promise<PinnedApi> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #load(): Promise<PinnedApi> {
    this.#triedAtMs = performance.now()
    try {
      const { document } = this.#server
      const fetched =
        'url' in document
          ? await fetchDocument({ ...this.#server, document }, this.#pools, this.#mark)
          : { kind: 'inline' as const, value: document.inline }
      if (fetched.kind === 'same' && this.#api !== undefined) return this.#api
      const api = await this.#pin(fetched)
      this.#mark = fetched.kind === 'changed' ? fetched.mark : undefined
      if (this.#api !== undefined && isChanged(this.#api, api)) {
        this.#previous = { api: this.#api, untilMs: performance.now() + previousKeptMs }
      }
      this.#api = api
      this.#failure = undefined
      return api
    } catch (thrown) {
      this.#failure = thrown
      throw thrown
    }
  }

  async #pin(source: Source): Promise<PinnedApi> {
    const { operations, skipped } = await compile(this.#name, this.#server, source)
    const pinned = [...operations].map(([tool, operation]): [string, PinnedOperation] => {
      const { description, inputSchema, outputSchema } = operation.tool
      const name = `${this.#name}/${tool}`
      const hash = hashTool({ name, description, inputSchema, outputSchema })
      return [tool, { ...operation, hash }]
    })
    return { operations: new Map(pinned), skipped }
  }
}

function isChanged(before: PinnedApi, after: PinnedApi): boolean {
  return [...before.operations].some(
    ([name, { hash }]) => after.operations.get(name)?.hash !== hash,
  )
}

type Source = FetchedDocument | { readonly kind: 'inline'; readonly value: object }

function readSource(source: Source): ApiDocument {
  if (source.kind === 'inline') return checkDocument(source.value)
  if (source.kind === 'changed') return readDocument(source.text)
  // Nothing is the same as a document that was never read.
  throw new Error('the document was not sent')
}

/** Throws `openapi.document_invalid`. */
async function compile(name: string, server: OpenApiServer, source: Source): Promise<CompiledApi> {
  try {
    const steps = compileApi(readSource(source), server)
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      // A large document takes seconds, and other calls must not wait for them.
      await setImmediate()
    }
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    const message = `the OpenAPI document of ${name} cannot be served: ${said}`
    throw new AirworthyError('openapi.document_invalid', message, { cause })
  }
}
