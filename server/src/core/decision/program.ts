// What a compiled condition is, and the objects that it reads. CEL tells types apart by
// constructor, so `call`, `session`, `agent` and `args` are small classes; their getters convert
// only what a rule asks for.
import type { Call, EffectClass } from './call.ts'
import type { AgentFacts, Flow, ScopeValue, SessionFacts, ToolCounts } from './facts.ts'

/** A compiled condition: answers a value (true, if it speaks) or throws. */
export type Program = (context: Readonly<Record<string, unknown>>) => unknown

export type CountKind = keyof ToolCounts

/** Per kind of count the tools (`server/tool`) that conditions ask about. */
export type CountNeeds = Readonly<Record<CountKind, readonly string[]>>

export class CallView {
  readonly kind: string
  readonly server: string
  readonly tool: string
  readonly model: string
  readonly effect: string
  readonly write: boolean
  readonly stream: boolean
  readonly amount: bigint | undefined
  readonly currency: string | undefined

  constructor(call: Call, effectClass: EffectClass | undefined) {
    const isTool = call.kind === 'tool'
    this.kind = call.kind
    this.server = isTool ? call.server : ''
    this.tool = isTool ? call.tool : ''
    this.model = isTool ? '' : call.model
    this.effect = effectClass ?? ''
    this.write = effectClass !== undefined && effectClass !== 'read'
    this.stream = !isTool && call.stream
    this.amount = isTool ? call.amount?.minorUnits : undefined
    this.currency = isTool ? call.amount?.currency : undefined
  }
}

export const CALL_FIELDS = {
  kind: 'string',
  server: 'string',
  tool: 'string',
  model: 'string',
  effect: 'string',
  write: 'bool',
  stream: 'bool',
} as const

/** Only there when the tool's contract declares an amount. */
export const AMOUNT_FIELDS = { amount: 'int', currency: 'string' } as const

/** `session.scope`: typed as the manifest declares it; what the session does not carry is missing. */
// oxlint-disable-next-line typescript/no-extraneous-class -- the class is what tells types apart
export class ScopeView {
  constructor(values: Readonly<Record<string, ScopeValue>>) {
    for (const [name, value] of Object.entries(values)) {
      const isWhole = typeof value === 'number' && Number.isSafeInteger(value)
      Object.defineProperty(this, name, {
        value: isWhole ? BigInt(value) : value,
        enumerable: true,
      })
    }
  }
}

/** What a session's facts mean for the call that is decided. */
export type SessionNow = { readonly flow: Flow; readonly repeats: () => number }

const noSessionNow: SessionNow = { flow: 'write', repeats: () => 0 }

export class SessionView {
  readonly #facts: SessionFacts
  readonly #needs: CountNeeds
  readonly #maps: { [Kind in CountKind]?: Map<string, bigint> } = {}
  readonly #now: SessionNow

  constructor(facts: SessionFacts, needs: CountNeeds, now: SessionNow = noSessionNow) {
    this.#facts = facts
    this.#needs = needs
    this.#now = now
  }

  get scope(): ScopeView {
    return new ScopeView(this.#facts.scope ?? {})
  }

  get flow(): string {
    return this.#now.flow
  }

  get repeats(): bigint {
    return BigInt(this.#now.repeats())
  }

  get untrusted(): boolean {
    return (this.#facts.taint?.untrusted.length ?? 0) > 0
  }

  get private(): boolean {
    return (this.#facts.taint?.private.length ?? 0) > 0
  }

  get task(): string {
    return this.#facts.task
  }

  get endUser(): string {
    return this.#facts.endUser
  }

  get calls(): bigint {
    return BigInt(this.#facts.modelCalls + this.#facts.toolCalls)
  }

  get modelCalls(): bigint {
    return BigInt(this.#facts.modelCalls)
  }

  get toolCalls(): bigint {
    return BigInt(this.#facts.toolCalls)
  }

  get writes(): bigint {
    return BigInt(this.#facts.writes)
  }

  get denied(): bigint {
    return BigInt(this.#facts.denied)
  }

  get held(): bigint {
    return BigInt(this.#facts.held)
  }

  get tokens(): bigint {
    return BigInt(this.#facts.tokens)
  }

  get spentNanoUsd(): bigint {
    return this.#facts.spentNanoUsd
  }

  get made(): Map<string, bigint> {
    return this.#counts('made')
  }

  get done(): Map<string, bigint> {
    return this.#counts('done')
  }

  get failed(): Map<string, bigint> {
    return this.#counts('failed')
  }

  get unknown(): Map<string, bigint> {
    return this.#counts('unknown')
  }

  /**
   * A tool that was never called counts 0; a name that is not enrolled is missing, which is an
   * error.
   */
  #counts(kind: CountKind): Map<string, bigint> {
    const known = this.#maps[kind]
    if (known !== undefined) return known
    const counts = new Map<string, bigint>()
    for (const tool of this.#needs[kind]) {
      const count = Object.hasOwn(this.#facts.tools, tool) ? this.#facts.tools[tool] : undefined
      counts.set(tool, BigInt(count?.[kind] ?? 0))
    }
    this.#maps[kind] = counts
    return counts
  }
}

const COUNTS = 'map<string, int>'

export const SESSION_FIELDS = {
  task: 'string',
  endUser: 'string',
  calls: 'int',
  modelCalls: 'int',
  toolCalls: 'int',
  writes: 'int',
  denied: 'int',
  held: 'int',
  tokens: 'int',
  spentNanoUsd: 'int',
  scope: 'Scope',
  flow: 'string',
  repeats: 'int',
  untrusted: 'bool',
  private: 'bool',
  made: COUNTS,
  done: COUNTS,
  failed: COUNTS,
  unknown: COUNTS,
} as const

export class AgentView {
  readonly name: string
  readonly stakes: string

  constructor(facts: AgentFacts) {
    this.name = facts.name
    this.stakes = facts.stakes
  }
}

export const AGENT_FIELDS = { name: 'string', stakes: 'string' } as const
