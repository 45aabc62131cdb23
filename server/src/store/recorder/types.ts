// What the gateway hands to the recorder, and what it gets back.
import type { Amounts } from '../../core/budget/budget.ts'
import type { EffectClass } from '../../core/decision/call.ts'
import type { Decision } from '../../core/decision/decision.ts'
import type { SessionFacts } from '../../core/decision/facts.ts'
import type { ErrorCode } from '../../core/errors.ts'

/** Who calls, in which session. Fixed by keys; what can change is checked again under the lock. */
export type Principal = {
  readonly agentId: string
  readonly agentName: string
  readonly stakes: 'low' | 'medium' | 'high'
  readonly apiKeyId: string
  readonly sessionId: string
  readonly versionId: string
  readonly task: string
  readonly endUser: string
  readonly mode: 'enforce' | 'observe'
  readonly modelBaseUrl: string | undefined
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
}

export type Intent = {
  readonly callId: string
  readonly principal: Principal
  readonly pactId: string
  readonly kind: 'model' | 'tool'
  /** The model's name, or `server/tool`. */
  readonly action: string
  readonly isWrite: boolean
  readonly reservation: Amounts
  readonly request: SealedPayload
  /** `decide` bound to call and pact; facts are read under the lock. */
  readonly decide: (facts: SessionFacts, nowMs: number) => Decision
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
      }
    | undefined
  /** A repeat that has waited, or probed, is recorded as refused instead of told to wait. */
  readonly hasWaited: boolean
}

type Placed = {
  readonly callId: string
  readonly decision: Decision
  /** False where an observing session goes on although the verdict is not allow. */
  readonly enforced: boolean
  readonly receipt: string
}

export type IntentResult =
  | (Placed & { readonly kind: 'proceed'; readonly effectId: string | undefined })
  | (Placed & { readonly kind: 'denied'; readonly code: ErrorCode })
  | (Placed & { readonly kind: 'held'; readonly holdId: string; readonly untilMs: number })
  | (Placed & { readonly kind: 'repeated'; readonly ofCallId: string })
  /** Nothing was recorded: the same effect is in flight, or its outcome is unknown. */
  | {
      readonly kind: 'wait'
      readonly reason: 'in_flight' | 'unknown'
      readonly ofCallId: string
      readonly effectId: string
    }
  /** Nothing was recorded: the pact changed since the intent was made. Make it again. */
  | { readonly kind: 'stale'; readonly pactId: string }

/** `decided` may settle before `durable` does: a model call under a durable lease may leave then. */
export type Proposal = {
  readonly decided: Promise<IntentResult>
  readonly durable: Promise<IntentResult>
}

export type TokenUsage = {
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
}

export type Outcome = {
  readonly callId: string
  readonly state: 'done' | 'failed' | 'unknown'
  readonly code: ErrorCode | undefined
  readonly usage: TokenUsage | undefined
  /** What was really used; undefined keeps the reservation as unknown. */
  readonly used: Amounts | undefined
  readonly response: SealedPayload | undefined
  /** A probe or an operator found out what became of an unknown effect. */
  readonly resolvedBy: 'probe' | 'operator' | undefined
  /** The operator who resolved it. */
  readonly operatorId?: string
}

export type Settled = { readonly receipt: string; readonly state: Outcome['state'] }
