// What enrolment makes of a manifest: everything the gateway and `decide` need, checked and ready.
import type { EffectClass } from '../decision/call.ts'
import type { CountNeeds, Program } from '../decision/program.ts'
import type { Verdict } from '../decision/decision.ts'
import type { Template } from '../effect/template.ts'
import type { Manifest } from './manifest-schema.ts'

export type JsonSchemaObject = { readonly [key: string]: unknown }

export type ToolSchema = {
  readonly inputSchema: JsonSchemaObject
  readonly outputSchema?: JsonSchemaObject | undefined
}

/** The tools that the tool servers list, keyed by `server/tool`. */
export type ToolSchemas = Readonly<Record<string, ToolSchema>>

/** Integer nano-USD for one token. */
export type Prices = {
  readonly inputNanoUsd: bigint
  readonly cachedInputNanoUsd: bigint
  readonly outputNanoUsd: bigint
}

/** One rule, ready to be asked about one tool or model. Without a program it always speaks. */
export type BoundRule = {
  readonly id: string
  readonly effect: Verdict
  readonly reason: string
  readonly program: Program | undefined
}

/** The rules whose selector matches one tool or model, and what their conditions read. */
export type BoundRules = {
  readonly rules: readonly BoundRule[]
  readonly counts: CountNeeds
  readonly readArgs: (args: Readonly<Record<string, unknown>>) => object
}

export type CompiledModel = {
  readonly name: string
  readonly wire: 'openai' | 'anthropic'
  readonly baseUrl: string
  /** What the upstream is asked for; the enrolled name when the manifest says nothing else. */
  readonly upstreamModel: string
  /** The name of an environment variable of the server. */
  readonly apiKeyEnv: string | undefined
  readonly maxOutputTokens: number
  readonly timeoutMs: number
  readonly prices: Prices
  /** Some allow or hold rule selects it, and no unconditional deny does. */
  readonly listable: boolean
  readonly bound: BoundRules
}

/** Argument names to constants or templates. */
export type ArgumentTemplates = Readonly<Record<string, Template | number | boolean>>

export type CompiledAmount =
  | { readonly kind: 'argument'; readonly argument: readonly string[]; readonly currency: string }
  | {
      readonly kind: 'quote'
      readonly tool: string
      readonly arguments: ArgumentTemplates
      readonly path: readonly string[]
      readonly currency: string
    }

export type CompiledContract = {
  readonly effect: EffectClass
  /** Without one the key is the hash of all canonical arguments. */
  readonly key: Template | undefined
  readonly scope: 'session' | 'agent'
  /** Without one a finished write is remembered as long as its scope lives. */
  readonly windowSeconds: number | undefined
  /** The data subject whose key encrypts the payloads; without one the session's end user. */
  readonly subject: Template | undefined
  readonly amount: CompiledAmount | undefined
  readonly undo: { readonly tool: string; readonly arguments: ArgumentTemplates } | undefined
  readonly probe:
    | { readonly tool: string; readonly arguments: ArgumentTemplates; readonly done: Program }
    | undefined
}

export type CompiledTool = {
  readonly server: string
  readonly tool: string
  readonly effectClass: EffectClass
  readonly contract: CompiledContract
  /** Some allow or hold rule selects it, and no unconditional deny does. */
  readonly listable: boolean
  readonly inputSchema: JsonSchemaObject
  readonly outputSchema: JsonSchemaObject | undefined
  readonly bound: BoundRules
}

/** Budgets of one scope; a field that is missing has no limit. */
export type CompiledLimit = {
  readonly calls: number | undefined
  readonly tokens: number | undefined
  readonly moneyNanoUsd: bigint | undefined
}

export type CompiledRule = {
  readonly id: string
  readonly effect: Verdict
  readonly reason: string
  readonly when: string | undefined
  /** The tools (`server/tool`) and models that its selectors match. */
  readonly tools: readonly string[]
  readonly models: readonly string[]
}

export type CompiledPrompts = { readonly matchesPrompt: (systemText: string) => boolean }

export type CompiledPact = {
  readonly agent: Manifest['agent']
  readonly models: ReadonlyMap<string, CompiledModel>
  /** Keyed by `server/tool`. Tools without a contract are not here: they are not permitted. */
  readonly tools: ReadonlyMap<string, CompiledTool>
  readonly servers: ReadonlyMap<string, Manifest['toolServers'][string]>
  readonly limits: {
    readonly session: CompiledLimit
    readonly agent: CompiledLimit
    readonly defaultSession: CompiledLimit
  }
  readonly holdExpiresAfterSeconds: number
  readonly drift: Manifest['drift']
  readonly prompts: CompiledPrompts
  readonly rules: readonly CompiledRule[]
  /** What enrolment should show to the operator, and does not refuse. */
  readonly warnings: readonly string[]
}
