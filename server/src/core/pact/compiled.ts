// What enrolment makes of a manifest: everything the gateway and `decide` need, checked and ready.
import type { EffectClass } from '../decision/call.ts'
import type { CountNeeds, Program } from '../decision/program.ts'
import type { Verdict } from '../decision/decision.ts'
import type { PostConditions } from '../effect/check.ts'
import type { Template } from '../effect/template.ts'
import type { PactTaint, ReadOrigins, ToolTaint } from '../taint/taint.ts'
import type { RunsPolicy } from '../run/run.ts'
import type { SignaturePolicy } from './identity-schema.ts'
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
  /** The arguments whose origins it asks for. */
  readonly origins?: readonly string[]
  /** What its condition reads, as written: `args.items`, `session.done["retail/pay"]`, `now`. */
  readonly reads?: readonly string[]
}

/** The rules whose selector matches one tool or model, and what their conditions read. */
export type BoundRules = {
  readonly rules: readonly BoundRule[]
  readonly counts: CountNeeds
  readonly readArgs: (args: Readonly<Record<string, unknown>>) => object
  /** Set where some condition asks where an argument came from. */
  readonly readOrigins?: ReadOrigins
  /** What the conditions read together. */
  readonly reads?: readonly string[]
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
  /** The argument that takes the effect key, and the schema as the tool server lists it. */
  readonly keyArgument: { readonly name: string; readonly schema: JsonSchemaObject } | undefined
  readonly otherArguments: 'refuse' | 'replace'
  /** Undefined: the call goes out as soon as its intent is durable. */
  readonly waitFor: 'checkpoint' | undefined
  readonly touches: readonly Template[]
  readonly ensures: PostConditions
  readonly undo: CompiledUndo | undefined
  readonly probe: CompiledProbe | undefined
  readonly proof: CompiledProof | undefined
}

/** Another tool of the same server, as `server/tool`, and what it is called with. */
export type CompiledFollowUp = { readonly tool: string; readonly arguments: ArgumentTemplates }

export type CompiledProbe = CompiledFollowUp & { readonly done: Program }

export type CompiledUndo = CompiledFollowUp & {
  readonly windowSeconds: number | undefined
  readonly probe: CompiledProbe | undefined
}

export type CompiledProof = {
  readonly samples: readonly Readonly<Record<string, unknown>>[]
  readonly snapshots: readonly CompiledFollowUp[]
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
  readonly taint: ToolTaint
  readonly bound: BoundRules
}

/** Budgets of one scope; a field that is missing has no limit. */
export type CompiledLimit = {
  readonly calls: number | undefined
  readonly tokens: number | undefined
  readonly moneyNanoUsd: bigint | undefined
}

/** The data scopes that a manifest declares, by name. */
export type Scopes = Readonly<Record<string, 'string' | 'integer' | 'boolean'>>

/** What a session may be opened for: the tools and models that lie outside are not even listed. */
export type CompiledTask = {
  readonly name: string
  readonly description: string
  /** As `server/tool`. */
  readonly tools: ReadonlySet<string>
  readonly models: ReadonlySet<string>
  /** By tool: rules that deny where the bound's condition is not true. */
  readonly bounds: ReadonlyMap<string, BoundRules>
  /** Data scopes that a session must carry. */
  readonly scopes: readonly string[]
  readonly limits: CompiledLimit
}

export type CompiledWriteFlow = {
  /** By tool that writes: one rule, which speaks where its condition opens the flow. */
  readonly opens: ReadonlyMap<string, BoundRules>
  /** What an agent is told whose write does not open it. */
  readonly reason: string
  readonly expiresAfterMs: number | undefined
  readonly writesMax: number | undefined
}

/** A limit of 0 is none. */
export type CompiledLoops = {
  readonly identical: number
  readonly oscillation: number
  readonly window: number
  /** Model calls of one session. */
  readonly steps: number | undefined
  readonly toolCalls: number | undefined
  readonly models: boolean
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
  readonly signature: SignaturePolicy
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
  readonly runs: RunsPolicy
  readonly scopes: Scopes
  /** Undefined where the manifest declares no tasks: then a session's task is free text. */
  readonly tasks: ReadonlyMap<string, CompiledTask> | undefined
  readonly defaultTask: string | undefined
  readonly writeFlow: CompiledWriteFlow | undefined
  readonly loops: CompiledLoops
  readonly drift: Manifest['drift']
  /** What an undo that nobody has proved counts as, for rules. */
  readonly unproven: 'irreversible' | 'declared'
  readonly taint: PactTaint
  readonly prompts: CompiledPrompts
  readonly rules: readonly CompiledRule[]
  /** What enrolment should show to the operator, and does not refuse. */
  readonly warnings: readonly string[]
}
