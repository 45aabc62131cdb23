// What the gateway hands to the recorder, and what it gets back.
import type { HoldFacts } from '../../core/approval/facts.ts'
import type { ApprovalPolicy, PactApprovals } from '../../core/approval/policy.ts'
import type { Amounts, BudgetUnit } from '../../core/budget/budget.ts'
import type { EffectClass } from '../../core/decision/call.ts'
import type { Decision, Reason } from '../../core/decision/decision.ts'
import type { SessionFacts } from '../../core/decision/facts.ts'
import type { Check } from '../../core/effect/check.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { EncounterKind, Reading, Signals, Watching } from '../../core/escalation/escalation.ts'
import type { KeyScope } from '../../core/identity/key.ts'
import type { AssetId } from '../../core/money/asset.ts'
import type { MoneyParty } from '../../core/money/check.ts'
import type { RunPolicy } from '../../core/run/run.ts'
import type { Origin, OriginsByArgument, ToolTaint } from '../../core/taint/taint.ts'
import type { ModelApi } from '../../core/wires/model-api.ts'

/** Who calls, in which session. Fixed by keys; what can change is checked again under the lock. */
export type Principal = {
  readonly agentId: string
  readonly agentName: string
  /** `did:webvh:<scid>` of the agent; undefined until its identity is made. */
  readonly did?: string | undefined
  /** What the API key may be used for. */
  readonly scopes?: readonly KeyScope[]
  readonly stakes: 'low' | 'medium' | 'high'
  readonly apiKeyId: string
  readonly sessionId: string
  readonly versionId: string
  readonly task: string
  readonly endUser: string
  readonly mode: 'enforce' | 'observe'
  readonly modelBaseUrl: string | undefined
  /** The data that the session was opened for. */
  readonly scope?: SessionFacts['scope']
  /** SHA-256 (base64url) over the signature of the request and what it signs. */
  readonly signature?: string
}

export type SealedPayload = {
  readonly subjectId: Buffer
  readonly sealed: Buffer
  /** HMAC-SHA-256 under the salt that is sealed with the payload, base64url. */
  readonly commitment: string
}

export type EffectIntent = {
  readonly effectClass: EffectClass
  readonly key: string
  readonly argsHash: string
  readonly windowMs: number | undefined
  readonly amountMinor: bigint | undefined
  readonly currency: string | undefined
  /** Whom money goes to, as people are shown it: the beginning of a keyed digest. */
  readonly counterparty?: string | undefined
  /** Keyed digests of what the call touches; none for most. */
  readonly touches?: readonly string[] | undefined
  /** Other arguments under the same key take it over, instead of being refused. */
  readonly replaces?: boolean | undefined
}

/** A call that takes an effect back. Its principal and pact are those of the effect's own call. */
export type UndoIntent = {
  readonly effectId: string
  readonly operatorId: string
  readonly reasonHash: string
  /** Since the tool was asked; undefined where the contract has no window. */
  readonly windowMs: number | undefined
  /** `undo:<effect id>`, as the tool gets it. */
  readonly key: string
}

/** The run that a call joins; opened with this policy where the session has none of the name. */
export type RunIntent = {
  readonly name: string
  /** The id it gets if this call opens it. */
  readonly runId: string
  readonly policy: RunPolicy
}

/** What a call moves, as limits see it. */
export type MoneyIntent = {
  /** Undefined where the contract names no amount. */
  readonly money:
    | {
        readonly asset: AssetId
        readonly minor: bigint
        /** As the contract says; undefined for currencies. */
        readonly decimals: number | undefined
      }
    | undefined
  readonly direction: 'out' | 'in' | 'refund'
  readonly counterparty: MoneyParty | undefined
  readonly authorisation:
    | {
        readonly does: 'opens' | 'captures' | 'voids'
        /** Keyed digest; undefined where only the result says it. */
        readonly reference: string | undefined
      }
    | undefined
  /** False where the contract says nothing of money: only limits that name the tool ask then. */
  readonly isDeclared: boolean
}

/** An effect as far as others that touch the same things have to know it. */
export type TouchingEffect = {
  readonly effectId: string
  readonly callId: string
  readonly state: string
  readonly touches: readonly string[]
  /** Nobody knows whether its undo took place. */
  readonly isUndoUnknown?: boolean
}

/** An effect that is to be undone. */
export type UndoTarget = TouchingEffect & {
  readonly action: string
  readonly effectClass: string
  readonly effectKey: string
  readonly undoCallId: string | undefined
  /** Of its last undo. */
  readonly undoCallState: string | undefined
  /** When its tool was asked, by the database's clock. */
  readonly dispatchedAtMs: number
  /** Effects that stand in the way, the newest first; at most a page of them. */
  readonly inTheWay: readonly TouchingEffect[]
}

/** What a tool call brings into its session, and where its arguments came from. */
export type TaintIntent = {
  readonly brings: ToolTaint
  /** Undefined where the pact has no use for it. */
  readonly origins: OriginsByArgument | undefined
}

/** What is looked up, and remembered, of a call over all sessions of its agent. */
export type WatchIntent = {
  /** Keyed digests of what the agent may never have been seen with. */
  readonly encounters: readonly { readonly kind: EncounterKind; readonly digest: string }[]
  readonly learning: Watching['learning']
  readonly rates: Watching['rates']
}

/** What is remembered of one result or message: keyed digests of its pieces, and their origins. */
export type RememberedValues = {
  readonly sessionId: string
  /** The call, or a keyed digest of the message, as a uuid. */
  readonly source: string
  readonly origins: readonly Origin[]
  readonly digests: Buffer
  /** It is too much to remember: any value may come from it. */
  readonly isEverything: boolean
}

/** How a model call may be made smaller where a budget has no room for its reservation. */
export type Shrink = {
  /** Below it the call is refused rather than cut. */
  readonly completionTokensMin: bigint
  readonly completionTokensMax: bigint
  /** What the call reserves with such a completion; never less for a longer one. */
  readonly reserve: (completionTokens: bigint) => Amounts
}

export type Intent = {
  readonly callId: string
  readonly principal: Principal
  readonly pactId: string
  readonly kind: 'model' | 'tool' | 'undo'
  /** The model's name, or `server/tool`. */
  readonly action: string
  readonly isWrite: boolean
  readonly reservation: Amounts
  readonly request: SealedPayload
  /** `decide` bound to call and pact; facts are read under the lock. */
  readonly decide: (facts: SessionFacts, nowMs: number, signals?: Signals) => Decision
  /** Set where a repeat must find the first: tools that are no reads. */
  readonly effect: EffectIntent | undefined
  /** The key a held call waits under, so that its repeat finds it; writes use their effect's. */
  readonly holdEffect: () => EffectIntent
  readonly schemaHash: string
  readonly holdExpiresAfterMs: number
  readonly drift: 'prompt' | 'tools' | undefined
  /** Set when an approved hold is decided again: the call's row exists already. */
  readonly resume:
    | {
        readonly holdId: string
        readonly effectId: string
        readonly pactId: string
        readonly schemaHash: string
        /** The round of its question; an approval of an earlier one is worth nothing. */
        readonly round: number
        /** What people were shown; undefined of what earlier releases held. */
        readonly facts: HoldFacts | undefined
        /** Who was asked; undefined where the pact declared no approvals. */
        readonly policy: ApprovalPolicy | undefined
        /** False for a call that no person was asked about: it waited for its run. */
        readonly isApproved: boolean
        /** A person made it, or wrote its arguments. */
        readonly isOfPerson?: boolean | undefined
      }
    | undefined
  /** A repeat that has waited, or probed, is recorded as refused instead of told to wait. */
  readonly hasWaited: boolean
  /** Set on a call that takes an effect back, and only there. */
  readonly undo?: UndoIntent | undefined
  readonly run?: RunIntent | undefined
  readonly taint?: TaintIntent | undefined
  /** Set on writes, and on tools without a contract. */
  readonly money?: MoneyIntent | undefined
  /** Set where the pact has the agent watched. */
  readonly watch?: WatchIntent | undefined
  /** Tried under the lock where the reservation does not fit. */
  readonly shrink?: Shrink | undefined
  /** Where no budget has room, nothing is recorded: the result is `over`, to be proposed anew. */
  readonly asksWhenOver?: boolean | undefined
  /** The call that this one is another attempt of. */
  readonly retryOf?: string | undefined
  /** Added to the reasons of the decision: how it was routed, cut or redirected. */
  readonly notes?: readonly Reason[] | undefined
  /** The API that the client speaks: a held model call is executed from its row. */
  readonly wire?: ModelApi | undefined
  /** What the pact declares of approvals. */
  readonly approvals?: PactApprovals | undefined
  /** The effect class as rules see it. */
  readonly effectSeen?: EffectClass | undefined
  /** The person whose own call it is, and the hold that it takes the place of. */
  readonly author?: Editor | undefined
  /** Who makes the call in the agent's stead, in a session that was handed over to them. */
  readonly inStead?: { readonly operatorId: string; readonly handoverId: string } | undefined
}

/** Who changed the arguments of a held call, and why. */
export type Editor = {
  readonly operatorId: string
  /** The hold that is rejected in the commit in which the new call is held. */
  readonly replaces: string
  readonly reason: { readonly text: string; readonly salt: Buffer; readonly commitment: string }
}

type Placed = {
  readonly callId: string
  readonly decision: Decision
  /** False where an observing session goes on although the verdict is not allow. */
  readonly enforced: boolean
  readonly receipt: string
}

export type IntentResult =
  | (Placed & {
      readonly kind: 'proceed'
      readonly effectId: string | undefined
      /** What was taken of the budgets; nothing where an observing session is over them. */
      readonly reservation: Amounts
      /** What the completion was cut to; undefined where it was not. */
      readonly completionTokens?: bigint
    })
  | (Placed & {
      readonly kind: 'denied'
      readonly code: ErrorCode
      /** The calls that stand in the way of an undo. */
      readonly blockedBy?: readonly string[]
    })
  | (Placed & { readonly kind: 'held'; readonly holdId: string; readonly untilMs: number })
  | (Placed & { readonly kind: 'repeated'; readonly ofCallId: string })
  /** Nothing was recorded: the same effect is in flight, or its outcome is unknown. */
  | {
      readonly kind: 'wait'
      readonly reason: 'in_flight' | 'unknown'
      readonly ofCallId: string
      readonly effectId: string
      /** It is another effect, which touches the same thing. */
      readonly isBlocked?: boolean
    }
  /** Nothing was recorded: a budget has no room, and the intent asks. */
  | {
      readonly kind: 'over'
      /** `session`, `agent`, or the name of a budget of the organisation. */
      readonly scope: string
      readonly unit: BudgetUnit
      readonly left: bigint
      /** Whether every budget that is hit lets another model be tried. */
      readonly onHit: 'block' | 'redirect'
    }
  /** Nothing was recorded: the pact changed since the intent was made. Make it again. */
  | { readonly kind: 'stale'; readonly pactId: string }

/** `decided` may settle before `durable` does: a model call under a durable lease may leave then. */
export type Proposal = {
  readonly decided: Promise<IntentResult>
  readonly durable: Promise<IntentResult>
}

export type TokenUsage = {
  /** All of the prompt, what was read from and written to a cache included. */
  readonly promptTokens: number
  readonly cachedTokens: number
  /** All of the output, reasoning included. */
  readonly completionTokens: number
  /** Written to a provider's cache for five minutes, and for an hour. */
  readonly cacheWriteTokens?: number | undefined
  readonly cacheWriteLongTokens?: number | undefined
  readonly reasoningTokens?: number | undefined
}

export type Outcome = {
  readonly callId: string
  readonly state: 'done' | 'failed' | 'unknown'
  readonly code: ErrorCode | undefined
  readonly usage: TokenUsage | undefined
  /** What was really used; undefined keeps the reservation as unknown. */
  readonly used: Amounts | undefined
  /** Of a call that is unknown: this much was used for certain, and is settled now. */
  readonly usedAtLeast?: Amounts | undefined
  /** The endpoint that answered, and how many were tried in all. */
  readonly endpoint?: string | undefined
  readonly attempts?: number | undefined
  /** The hash of the prices that the call was priced with. */
  readonly prices?: string | undefined
  /** The cache that answered instead of a provider, and the call whose reply it was. */
  readonly cache?: 'exact' | 'semantic' | undefined
  readonly cacheOf?: string | undefined
  /** The usage is counted here; the provider did not tell it. */
  readonly estimated?: true | undefined
  readonly response: SealedPayload | undefined
  /** A probe or an operator found out what became of an unknown effect. */
  readonly resolvedBy: 'probe' | 'operator' | undefined
  /** The operator who resolved it, and why. */
  readonly operatorId?: string
  readonly reason?: { readonly text: string; readonly salt: Buffer } | undefined
  /** What the result was held against. */
  readonly checks?: readonly Check[] | undefined
  /** What its tool server asked of the client meanwhile: counts, and a keyed digest. */
  readonly relayed?: string | undefined
  /** What a model's reply says of itself, where a pact has triggers that ask. */
  readonly reading?: Reading | undefined
  /** Money that the call has set aside: what captures or voids it, by a keyed digest. */
  readonly authorisation?:
    | { readonly reference: string; readonly asset: AssetId; readonly minor: bigint }
    | undefined
  /** Written in the same commit, so that no result is shown before its values are known again. */
  readonly remembered?: RememberedValues | undefined
}

export type Settled = { readonly receipt: string; readonly state: Outcome['state'] }
