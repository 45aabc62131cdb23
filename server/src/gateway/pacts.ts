// Compiled pacts, by id. A pact never changes, so what is compiled once stays true; which pact is
// active is told by the recorder, under the lock.
import { Ajv, type ValidateFunction } from 'ajv'
import addFormatsModule from 'ajv-formats'
import { canonicalJson, sha256Hex } from '../core/canonical.ts'
import type { OrganisationId } from '../core/ids.ts'
import { withoutArgument } from '../core/effect/key-argument.ts'
import { type ProofKey, proofKeysOf } from '../core/effect/proof.ts'
import { compilePact } from '../core/pact/compile.ts'
import { knowsNoPrices, type PriceLookup } from '../core/pricing/lookup.ts'
import { taskOf } from '../core/decision/task.ts'
import type { CompiledPact, ToolSchemas } from '../core/pact/compiled.ts'
import { parseManifest } from '../core/pact/manifest.ts'
import type { Database } from '../store/database.ts'
import { findActivePactId, findPact } from '../store/pacts.ts'

export type PinnedTool = {
  readonly description: string
  /** As agents see it: without the argument that Airworthy fills in. */
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema: Readonly<Record<string, unknown>> | undefined
  /** Over name, description and schemas: what was enrolled. */
  readonly hash: string
  readonly validate: ValidateFunction
  /** Undefined where the tool lists no output schema. */
  readonly validateOutput: ValidateFunction | undefined
}

export type LoadedPact = {
  readonly pactId: string
  readonly pact: CompiledPact
  readonly pinned: ReadonlyMap<string, PinnedTool>
  /** What a proof of each tool that has an undo is about. */
  readonly proofKeys: ReadonlyMap<string, ProofKey>
  /** Bare names of the tools that may be called: what a model's reply is held against. */
  readonly callableNames: ReadonlySet<string>
  /** The same by task; undefined where the pact declares none. */
  readonly callableByTask: ReadonlyMap<string, ReadonlySet<string>> | undefined
}

const noNames: ReadonlySet<string> = new Set()

/** Bare names of the tools that a session of this task may call. */
export function callableNamesIn(loaded: LoadedPact, task: string): ReadonlySet<string> {
  const { callableByTask } = loaded
  if (callableByTask === undefined) return loaded.callableNames
  const known = taskOf(loaded.pact, task)
  return (known && callableByTask.get(known.name)) ?? noNames
}

const pactsCachedMax = 200
const versionsCachedMax = 1000

export class PactCache {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #pacts = new Map<string, Promise<LoadedPact>>()
  readonly #active = new Map<string, string>()

  readonly #findPrice: PriceLookup

  constructor(options: {
    db: Database
    organisationId: OrganisationId
    /** What models cost whose manifest does not say. */
    findPrice?: PriceLookup
  }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#findPrice = options.findPrice ?? knowsNoPrices
  }

  /** Prices changed: pacts are compiled again when they are next used. */
  forgetCompiled(): void {
    this.#pacts.clear()
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
    const findPrice = this.#findPrice
    const compiled = compilePact(parsed.manifest, schemas, { findPrice, isEnrolled: true })
    if (compiled.kind === 'invalid') throw new Error(`stored pact ${pactId} does not compile`)
    const { pact } = compiled
    return {
      pactId,
      pact,
      pinned: pinTools(schemas, pact),
      proofKeys: proofKeysOf(parsed.manifest, schemas),
      callableNames: bareNames(pact, () => true),
      callableByTask: pact.tasks && namesByTask(pact, pact.tasks),
    }
  }
}

function bareNames(pact: CompiledPact, isIn: (tool: string) => boolean): Set<string> {
  const names = new Set<string>()
  for (const [name, tool] of pact.tools) if (tool.listable && isIn(name)) names.add(tool.tool)
  return names
}

function namesByTask(
  pact: CompiledPact,
  tasks: NonNullable<CompiledPact['tasks']>,
): Map<string, Set<string>> {
  return new Map(
    [...tasks].map(([name, task]) => [name, bareNames(pact, (tool) => task.tools.has(tool))]),
  )
}

function pinTools(schemas: ToolSchemas, pact: CompiledPact): Map<string, PinnedTool> {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true })
  const addFormats = addFormatsModule.default
  addFormats(ajv)
  const pinned = new Map<string, PinnedTool>()
  for (const [name, schema] of Object.entries(schemas)) {
    const description = textOf(schema, 'description')
    const { inputSchema, outputSchema } = schema
    const visible = withoutArgument(inputSchema, pact.tools.get(name)?.contract.keyArgument?.name)
    pinned.set(name, {
      description,
      inputSchema: visible,
      outputSchema,
      hash: hashTool({ name, description, inputSchema, outputSchema }),
      validate: ajv.compile(withoutId(visible)),
      validateOutput: outputSchema && compileOutput(ajv, outputSchema),
    })
  }
  return pinned
}

/** A schema that cannot be compiled is one that no result fits. */
function compileOutput(ajv: Ajv, schema: Readonly<Record<string, unknown>>): ValidateFunction {
  try {
    return ajv.compile(withoutId(schema))
  } catch {
    return ajv.compile({ not: {} })
  }
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
