export type Verdict = 'allow' | 'hold' | 'deny'

export type Reason = {
  readonly rule: string
  readonly verdict: Verdict
  readonly reason: string
  readonly error?: string
}

/** `executing` calls were dispatched or are about to be; every other state is final but `held`. */
export type CallState = 'held' | 'executing' | 'done' | 'failed' | 'unknown' | 'denied' | 'repeated'

export type Call = {
  readonly id: string
  readonly sessionId: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  /** An `undo` takes back the effect that it names; operators ask for it, not agents. */
  readonly kind: 'model' | 'tool' | 'undo'
  /** The model's name, or `server/tool`. */
  readonly action: string
  readonly state: CallState
  readonly verdict: Verdict
  /** False when the session only observes: the verdict was recorded, the call went on. */
  readonly enforced: boolean
  readonly code: string | null
  readonly reasons: readonly Reason[]
  readonly usage: {
    readonly promptTokens: number
    readonly cachedTokens: number
    readonly completionTokens: number
  } | null
  readonly costNanoUsd: string | null
  readonly effect: { readonly id: string; readonly key: string; readonly state: EffectState } | null
  /** Set on a call answered from an earlier effect's stored result. */
  readonly repeatOf: string | null
  readonly intentSeq: string | null
  readonly outcomeSeq: string | null
  readonly createdAt: string
  readonly settledAt: string | null
  /** What the result was held against; null where nothing was asked of it. */
  readonly checks: readonly Check[] | null
  /** The flow it was decided in; null where the pact declares no write flow. */
  readonly flow: 'read' | 'write' | null
  /** Where each argument came from: user, system, web, tool:<name>, unknown. Null: not tracked. */
  readonly origins: Readonly<Record<string, readonly string[]>> | null
}

/** `output-schema`, or a post-condition of the contract by its id. */
export type Check = { readonly id: string; readonly holds: boolean; readonly reason: string }

export type EffectState =
  | 'held'
  | 'deferred'
  | 'executing'
  | 'done'
  | 'failed'
  | 'unknown'
  | 'undoing'
  | 'undone'
  | 'undo_failed'
  | 'denied'

/** POST /v1/calls/{id}/undo */
export type UndoCall = { readonly reason?: string }

/** GET /v1/calls/{id}/undo: what an undo would do. */
export type CallUndoPreview = {
  readonly call: string
  readonly effect: string
  readonly state: EffectState
  /** `server/tool` of the undo. */
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly until: string | null
  /** Calls to be undone first, in this order. */
  readonly blockedBy: readonly string[]
}

/** GET /v1/calls/{id}/receipt */
export type Receipt = {
  readonly call: string
  readonly logId: string
  readonly intent: ReceiptEntry | null
  readonly outcome: ReceiptEntry | null
}

export type ReceiptEntry = {
  /** The shard: another than the intent's where the log was rotated while the call was open. */
  readonly logId: string
  readonly seq: string
  /** base64url RFC 6962 leaf hash of the entry: SHA-256 over 0x00 and its bytes. */
  readonly hash: string
  /** The entry's bytes as text: canonical JSON. */
  readonly entry: string
  /** A signed note: that the entry will be in a checkpoint before a deadline. */
  readonly promise: string | null
  /** The C2SP tlog-proof; null until a signed checkpoint has the entry. */
  readonly proof: string | null
}
