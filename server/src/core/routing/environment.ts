// The CEL environments of routing: what a rule may ask of a request, and a check of a reply.
import { Environment } from '@marcbachmann/cel-js'
import { AGENT_FIELDS, AgentView, ScopeView } from '../decision/program.ts'
import type { AgentFacts, SessionFacts } from '../decision/facts.ts'
import { celFault } from '../decision/cel-fault.ts'
import type { RequestFacts } from './request-facts.ts'

const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 40,
  maxListElements: 100,
  maxMapEntries: 100,
  maxCallArguments: 8,
}

export class RequestView {
  readonly #facts: RequestFacts

  constructor(facts: RequestFacts) {
    this.#facts = facts
  }

  get model(): string {
    return this.#facts.model
  }

  get label(): string {
    return this.#facts.label
  }

  get text(): string {
    return this.#facts.text
  }

  get stream(): boolean {
    return this.#facts.stream
  }

  get structured(): boolean {
    return this.#facts.structured
  }

  get complexity(): number {
    return this.#facts.complexity.score
  }

  get promptTokens(): bigint {
    return BigInt(this.#facts.promptTokens)
  }

  get outputTokens(): bigint {
    return BigInt(this.#facts.outputTokens)
  }

  get messages(): bigint {
    return BigInt(this.#facts.messages)
  }

  get images(): bigint {
    return BigInt(this.#facts.images)
  }

  get documents(): bigint {
    return BigInt(this.#facts.documents)
  }

  get tools(): readonly string[] {
    return this.#facts.toolNames
  }
}

const REQUEST_FIELDS = {
  model: 'string',
  label: 'string',
  text: 'string',
  stream: 'bool',
  structured: 'bool',
  complexity: 'double',
  promptTokens: 'int',
  outputTokens: 'int',
  messages: 'int',
  images: 'int',
  documents: 'int',
  tools: 'list<string>',
} as const

/** A session as it was opened: what it did so far is for the pact's rules, under the lock. */
export class RoutedSessionView {
  readonly task: string
  readonly endUser: string
  readonly scope: ScopeView

  constructor(session: RoutedSession) {
    this.task = session.task
    this.endUser = session.endUser
    this.scope = new ScopeView(session.scope ?? {})
  }
}

export type RoutedSession = Pick<SessionFacts, 'task' | 'endUser' | 'scope'>

const SESSION_FIELDS = { task: 'string', endUser: 'string', scope: 'Scope' } as const

/** What a cascade's checks ask about. */
export type ReplyFacts = {
  readonly text: string
  readonly finish: 'stop' | 'length' | 'tools' | 'refusal' | 'other'
  readonly toolCalls: number
  readonly outputTokens: number
}

export class ReplyView {
  readonly text: string
  readonly finish: string
  readonly toolCalls: bigint
  readonly outputTokens: bigint
  readonly isJson: boolean

  constructor(reply: ReplyFacts) {
    this.text = reply.text
    this.finish = reply.finish
    this.toolCalls = BigInt(reply.toolCalls)
    this.outputTokens = BigInt(reply.outputTokens)
    this.isJson = isJson(reply.text)
  }
}

const REPLY_FIELDS = {
  text: 'string',
  finish: 'string',
  toolCalls: 'int',
  outputTokens: 'int',
  isJson: 'bool',
} as const

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The data scopes that a manifest declares, by name. */
type Scopes = Readonly<Record<string, 'string' | 'integer' | 'boolean'>>

const SCOPE_TYPES = { string: 'string', integer: 'int', boolean: 'bool' } as const

/** `reply` is only there for the checks of cascades. */
export function routingEnvironment(scopes: Scopes, about: 'request' | 'reply'): Environment {
  const fields = Object.entries(scopes).map(([name, type]) => [name, SCOPE_TYPES[type]])
  const environment = new Environment({ limits: LIMITS })
    .registerType('Scope', { ctor: ScopeView, fields: Object.fromEntries(fields) })
    .registerType('Session', { ctor: RoutedSessionView, fields: SESSION_FIELDS })
    .registerType('Agent', { ctor: AgentView, fields: AGENT_FIELDS })
    .registerType('Request', { ctor: RequestView, fields: REQUEST_FIELDS })
    .registerVariable('request', 'Request')
    .registerVariable('session', 'Session')
    .registerVariable('agent', 'Agent')
    .registerVariable('now', 'google.protobuf.Timestamp')
  if (about === 'request') return environment
  return environment
    .registerType('Reply', { ctor: ReplyView, fields: REPLY_FIELDS })
    .registerVariable('reply', 'Reply')
}

export type RouteFacts = {
  readonly request: RequestFacts
  readonly session: RoutedSession
  readonly agent: AgentFacts
  readonly nowMs: number
}

export type RouteCondition = (facts: RouteFacts, reply?: ReplyFacts) => boolean

/** A condition of routing, ready to be asked; or what is wrong with it. It throws what CEL throws. */
export function compileRouteCondition(
  source: string,
  environment: Environment,
):
  | { readonly kind: 'ok'; readonly condition: RouteCondition }
  | { readonly kind: 'invalid'; readonly expected: string } {
  try {
    const program = environment.parse(source)
    const checked = program.check()
    if (!checked.valid) return invalid(celFault(checked.error).summary)
    if (checked.type !== 'bool') return invalid(`this is of type ${checked.type ?? 'unknown'}`)
    const condition: RouteCondition = (facts, reply) => {
      const value: unknown = program({
        request: new RequestView(facts.request),
        session: new RoutedSessionView(facts.session),
        agent: new AgentView(facts.agent),
        now: new Date(facts.nowMs),
        ...(reply === undefined ? {} : { reply: new ReplyView(reply) }),
      })
      return value === true
    }
    return { kind: 'ok', condition }
  } catch (error) {
    return invalid(celFault(error).summary)
  }
}

function invalid(why: string): { kind: 'invalid'; expected: string } {
  return { kind: 'invalid', expected: `a condition in valid CEL: ${why}` }
}
