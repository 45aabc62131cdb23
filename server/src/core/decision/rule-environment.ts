// The CEL environments of rules: the same `session`, `agent` and `now`, and per target `call` and
// `args`.
import { Environment } from '@marcbachmann/cel-js'
import type { JsonSchemaObject, Scopes } from '../pact/compiled.ts'
import { declareArguments } from './argument-types.ts'
import { foldText } from './look-alike.ts'
import { declareOrigins } from './origin-view.ts'
import {
  AGENT_FIELDS,
  AMOUNT_FIELDS,
  AgentView,
  CALL_FIELDS,
  CallView,
  SESSION_FIELDS,
  ScopeView,
  SessionView,
} from './program.ts'

/** A condition is read by people; these limits also bound the time that one can take. */
const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 40,
  maxListElements: 100,
  maxMapEntries: 100,
  maxCallArguments: 8,
}

const base = new Environment({ limits: LIMITS })
  .registerType('Session', { ctor: SessionView, fields: SESSION_FIELDS })
  .registerType('Agent', { ctor: AgentView, fields: AGENT_FIELDS })
  .registerFunction('string.fold(): string', foldText)
  .registerVariable('session', 'Session')
  .registerVariable('agent', 'Agent')
  .registerVariable('now', 'google.protobuf.Timestamp')

/** What a rule can be about: one tool or one model. */
export type RuleTarget =
  | {
      readonly kind: 'tool'
      readonly name: string
      readonly inputSchema: JsonSchemaObject
      readonly hasAmount: boolean
    }
  | { readonly kind: 'model'; readonly name: string }

export type TargetEnvironment = {
  readonly target: RuleTarget
  readonly environment: Environment
  readonly readArgs: (args: Readonly<Record<string, unknown>>, names: readonly string[]) => object
}

const SCOPE_TYPES = { string: 'string', integer: 'int', boolean: 'bool' } as const

/**
 * The environment in which conditions about one tool or model are compiled; `scopes` are the data
 * scopes that the manifest declares.
 */
export function targetEnvironment(target: RuleTarget, scopes: Scopes = {}): TargetEnvironment {
  const environment = base.clone()
  const scopeFields = Object.fromEntries(
    Object.entries(scopes).map(([name, type]) => [name, SCOPE_TYPES[type]]),
  )
  environment.registerType('Scope', { ctor: ScopeView, fields: scopeFields })
  const hasAmount = target.kind === 'tool' && target.hasAmount
  const fields = hasAmount ? { ...CALL_FIELDS, ...AMOUNT_FIELDS } : CALL_FIELDS
  environment.registerType('Call', { ctor: CallView, fields }).registerVariable('call', 'Call')
  if (target.kind === 'model') return { target, environment, readArgs: () => ({}) }
  declareOrigins(environment, target.inputSchema)
  return { target, environment, readArgs: declareArguments(environment, target.inputSchema) }
}

const resultEnvironment = new Environment({ limits: LIMITS }).registerVariable('result', 'dyn')

/** Compiles a condition over a tool's parsed `result`; answers the program or what is wrong. */
export function compileResultCondition(
  source: string,
):
  | { readonly kind: 'ok'; readonly program: (context: Record<string, unknown>) => unknown }
  | { readonly kind: 'invalid'; readonly message: string } {
  const checked = resultEnvironment.check(source)
  if (!checked.valid) return { kind: 'invalid', message: checked.error?.summary ?? 'not CEL' }
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    return { kind: 'invalid', message: `the condition is of type ${checked.type ?? 'unknown'}` }
  }
  return { kind: 'ok', program: resultEnvironment.parse(source) }
}
