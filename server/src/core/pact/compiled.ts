// What enrolment makes of a manifest: everything the gateway and `decide` need, checked and ready.
import type { PactApprovals } from '../approval/policy.ts'
import type { EffectClass } from '../decision/call.ts'
import type { CountNeeds, Program } from '../decision/program.ts'
import type { Verdict } from '../decision/decision.ts'
import type { PostConditions } from '../effect/check.ts'
import type { Template } from '../effect/template.ts'
import type { CompiledEscalation } from '../escalation/escalation.ts'
import type { PactTaint, ReadOrigins, ToolTaint } from '../taint/taint.ts'
import type { Prices } from '../pricing/prices.ts'
import type { RunsPolicy } from '../run/run.ts'
import type { ModelApi } from '../wires/model-api.ts'
import type { CompiledCache } from './cache-schema.ts'
import type { SignaturePolicy } from './identity-schema.ts'
import type { CompiledRoute } from '../routing/route.ts'
import type { Manifest } from './manifest-schema.ts'

export type JsonSchemaObject = { readonly [key: string]: unknown }

export type ToolSchema = {
  readonly inputSchema: JsonSchemaObject
  readonly outputSchema?: JsonSchemaObject | undefined
}

/** The tools that the tool servers list, keyed by `server/tool`. */
export type ToolSchemas = Readonly<Record<string, ToolSchema>>

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

/** One place that serves a model. */
export type CompiledEndpoint = {
  readonly name: string
  readonly wire: 'openai' | 'anthropic'
  readonly apis: ReadonlySet<ModelApi>
  readonly baseUrl: string
  /** What the upstream is asked for; the enrolled name when the manifest says nothing else. */
  readonly upstreamModel: string
  /** Names of environment variables of the server; none: it is called without a key. */
  readonly apiKeyEnvs: readonly string[]
  readonly auth: 'bearer' | 'x-api-key' | 'api-key'
  /** 0 comes first; the next one only where no endpoint of this one can be tried. */
  readonly tier: number
  readonly weight: number
  /** What bounds a chat completion for which the client names neither. */
  readonly outputLimitField: 'max_tokens' | 'max_completion_tokens'
  /** Whose prices count, where the manifest names it. */
  readonly provider?: string | undefined
  /** Undefined where nobody knows them any more: calls are refused with `model.price_unknown`. */
  readonly prices: Prices | undefined
  readonly probe: { readonly path: string; readonly intervalMs: number } | undefined
}

/** One budget of attempts over all endpoints and keys of a call. */
export type RetryPolicy = {
  /** The first attempt included. */
  readonly attempts: number
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  /** An upstream that asks for a longer wait is not waited for. */
  readonly retryAfterMaxMs: number
}

export type CompiledModel = {
  readonly name: string
  /** At least one, in the manifest's order. */
  readonly endpoints: readonly CompiledEndpoint[]
  readonly balance: 'weighted' | 'least-in-flight' | 'peak-ewma'
  readonly maxOutputTokens: number
  /** A budget that leaves less for the completion refuses the call. */
  readonly minOutputTokens: number
  /** The most that a prompt can be; undefined where the manifest does not say. */
  readonly contextTokens: number | undefined
  /** `bytes`: a token is at least one byte of the body. */
  readonly tokenizer: 'bytes' | 'o200k_base' | 'cl100k_base'
  /** The one deadline of a call, over all its attempts. */
  readonly timeoutMs: number
  readonly firstByteTimeoutMs: number
  /** The longest silence within a reply. */
  readonly idleTimeoutMs: number
  readonly retries: RetryPolicy
  /** The model that takes a call for which a budget leaves too little. */
  readonly onBudget: { readonly redirect: string } | undefined
  /** Held and charged, in nano-USD, for a call whose price nobody knows; undefined refuses it. */
  readonly unknownPriceHold: bigint | undefined
  /** Undefined for most: nothing is cached. */
  readonly cache?: CompiledCache | undefined
  /** Some allow or hold rule selects it, and no unconditional deny does. */
  readonly listable: boolean
  readonly bound: BoundRules
}

/** Argument names to constants or templates. */
export type ArgumentTemplates = Readonly<Record<string, Template | number | boolean>>

/** What an amount is of, and how it is written. */
export type AmountUnit = {
  /** An ISO 4217 code or a CAIP-19 asset; undefined where an argument or the quote says it. */
  readonly currency: string | undefined
  readonly currencyPath: readonly string[] | undefined
  /** Of an asset that is no currency. */
  readonly decimals: number | undefined
  readonly isMinor: boolean
}

export type CompiledAmount = AmountUnit &
  (
    | { readonly kind: 'argument'; readonly argument: readonly string[] }
    | {
        readonly kind: 'quote'
        readonly tool: string
        readonly arguments: ArgumentTemplates
        readonly path: readonly string[]
      }
  )

/** What limits of money ask of a call. */
export type CompiledMoney = {
  readonly direction: 'out' | 'in' | 'refund'
  /** The path of the argument that names the counterparty. */
  readonly counterparty: readonly string[] | undefined
  readonly authorisation:
    | { readonly does: 'opens' | 'captures' | 'voids'; readonly id: Template }
    | undefined
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
  /** Undefined where the contract names neither an amount nor a counterparty. */
  readonly money: CompiledMoney | undefined
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
  /** Input and output together. */
  readonly tokens: number | undefined
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
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

export type KillRule = NonNullable<Manifest['pact']['killOn']>[number]

export type CompiledPact = {
  readonly agent: Manifest['agent']
  readonly signature: SignaturePolicy
  readonly models: ReadonlyMap<string, CompiledModel>
  /** By the name that clients send; what they choose is always a model. */
  readonly routes: ReadonlyMap<string, CompiledRoute>
  /** Keyed by `server/tool`. Tools without a contract are not here: they are not permitted. */
  readonly tools: ReadonlyMap<string, CompiledTool>
  readonly servers: ReadonlyMap<string, Manifest['toolServers'][string]>
  readonly limits: {
    readonly session: CompiledLimit
    readonly agent: CompiledLimit
    readonly defaultSession: CompiledLimit
    /** Model calls at a time on one gateway; undefined: what the gateway is set to. */
    readonly concurrency: number | undefined
  }
  readonly holdExpiresAfterSeconds: number
  /** Undefined where the manifest declares none. */
  readonly approvals: PactApprovals | undefined
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
  /** Undefined for most: no trigger asks for a person. */
  readonly escalation?: CompiledEscalation | undefined
  /** What stops the agent without a person; none for most. */
  readonly killOn: readonly KillRule[]
  readonly prompts: CompiledPrompts
  readonly rules: readonly CompiledRule[]
  /** What enrolment should show to the operator, and does not refuse. */
  readonly warnings: readonly string[]
}
