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
  readonly kind: 'model' | 'tool'
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
}

export type EffectState =
  | 'held'
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

/** GET /v1/calls/{id}/receipt */
export type Receipt = {
  readonly call: string
  readonly logId: string
  readonly intent: ReceiptEntry | null
  readonly outcome: ReceiptEntry | null
}

export type ReceiptEntry = {
  readonly seq: string
  /** base64url RFC 6962 leaf hash of the entry: SHA-256 over 0x00 and its bytes. */
  readonly hash: string
  /** The entry's bytes as text: canonical JSON. */
  readonly entry: string
}
