// Compiled pacts, by id. A pact never changes, so what is compiled once stays true; which pact is
// active is told by the recorder, under the lock.
import { Ajv, type ValidateFunction } from 'ajv'
import addFormatsModule from 'ajv-formats'
import { canonicalJson, sha256Hex } from '../core/canonical.ts'
import type { OrganisationId } from '../core/ids.ts'
import { compilePact } from '../core/pact/compile.ts'
import type { CompiledPact, ToolSchemas } from '../core/pact/compiled.ts'
import { parseManifest } from '../core/pact/manifest.ts'
import type { Database } from '../store/database.ts'
import { findActivePactId, findPact } from '../store/pacts.ts'

export type PinnedTool = {
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema: Readonly<Record<string, unknown>> | undefined
  /** Over name, description and schemas: what was enrolled. */
  readonly hash: string
  readonly validate: ValidateFunction
}

export type LoadedPact = {
  readonly pactId: string
  readonly pact: CompiledPact
  readonly pinned: ReadonlyMap<string, PinnedTool>
  /** Bare names of the tools that may be called: what a model's reply is held against. */
  readonly callableNames: ReadonlySet<string>
}

const pactsCachedMax = 200
const versionsCachedMax = 1000

export class PactCache {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #pacts = new Map<string, Promise<LoadedPact>>()
  readonly #active = new Map<string, string>()

  constructor(options: { db: Database; organisationId: OrganisationId }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
  }

  get(pactId: string): Promise<LoadedPact> {
    const known = this.#pacts.get(pactId)
    if (known !== undefined) return known
    if (this.#pacts.size >= pactsCachedMax) this.#pacts.clear()
    const loading = this.#load(pactId)
    this.#pacts.set(pactId, loading)
    loading.catch(() => this.#pacts.delete(pactId))
    return loading
  }

  /** The active pact of an agent's version, as far as this process knows. */
  async active(session: { agentId: string; versionId: string }): Promise<LoadedPact> {
    let pactId = this.#active.get(session.versionId)
    if (pactId === undefined) {
      pactId = await findActivePactId(this.#db, this.#organisationId, session)
      if (this.#active.size >= versionsCachedMax) this.#active.clear()
      this.#active.set(session.versionId, pactId)
    }
    return this.get(pactId)
  }

  /** What the recorder saw under the lock. */
  correct(versionId: string, pactId: string): void {
    this.#active.set(versionId, pactId)
  }

  async #load(pactId: string): Promise<LoadedPact> {
    const stored = await findPact(this.#db, this.#organisationId, pactId)
    const parsed = parseManifest(stored.manifest, 'manifest')
    if (parsed.kind === 'invalid') throw new Error(`stored pact ${pactId} does not parse`)
    const schemas = stored.toolSchemas
    const compiled = compilePact(parsed.manifest, schemas)
    if (compiled.kind === 'invalid') throw new Error(`stored pact ${pactId} does not compile`)
    const { pact } = compiled
    const names = new Set<string>()
    for (const tool of pact.tools.values()) if (tool.listable) names.add(tool.tool)
    return { pactId, pact, pinned: pinTools(schemas), callableNames: names }
  }
}

function pinTools(schemas: ToolSchemas): Map<string, PinnedTool> {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true })
  const addFormats = addFormatsModule.default
  addFormats(ajv)
  const pinned = new Map<string, PinnedTool>()
  for (const [name, schema] of Object.entries(schemas)) {
    const description = textOf(schema, 'description')
    const { inputSchema, outputSchema } = schema
    pinned.set(name, {
      description,
      inputSchema,
      outputSchema,
      hash: hashTool({ name, description, inputSchema, outputSchema }),
      validate: ajv.compile(withoutId(inputSchema)),
    })
  }
  return pinned
}

/** Two tools may carry the same `$id`; one validator must not then stand in for the other. */
function withoutId(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { $id: _id, $schema: _schema, ...rest } = schema
  return rest
}

/** What pins a tool: a changed description misleads a model as well as a changed schema. */
export function hashTool(tool: {
  name: string
  description: string
  inputSchema: unknown
  outputSchema: unknown
}): string {
  return sha256Hex(
    canonicalJson([tool.name, tool.description, tool.inputSchema, tool.outputSchema ?? null]),
  )
}

function textOf(value: object, key: string): string {
  const text: unknown = Reflect.get(value, key)
  return typeof text === 'string' ? text : ''
}
