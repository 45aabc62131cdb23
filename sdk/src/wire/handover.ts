import type { Effect } from './effect.ts'
import type { Run } from './run.ts'
import type { Session } from './session.ts'

/** `open`: nobody has it yet. `taken`: a person has. `returned`: the agent goes on. */
export type HandoverState = 'open' | 'taken' | 'returned' | 'closed'

/** A session that went to a person instead of its agent. */
export type Handover = {
  readonly id: string
  readonly sessionId: string
  readonly agentId: string
  readonly agent: string
  readonly task: string
  readonly endUser: string
  /** `operator`, or the rule that handed it over. */
  readonly cause: string
  /** The call that the rule was asked about. */
  readonly callId: string | null
  readonly reason: string
  readonly state: HandoverState
  /** The name of who has it. */
  readonly takenBy: string | null
  readonly openedAt: string
  readonly takenAt: string | null
  readonly endedAt: string | null
}

/** POST /v1/sessions/{id}/hand-over */
export type HandOverSession = { readonly reason: string }

/** GET /v1/handovers. `live` is open and taken. */
export type HandoverPage = {
  readonly handovers: readonly Handover[]
  readonly next: string | null
}

/** POST /v1/handovers/{id}/take */
export type TakeHandover = { readonly fromAnother?: boolean }

/** POST /v1/handovers/{id}/say. The agent reads what is for it once it has the session back. */
export type SayInStead = { readonly to: 'user' | 'agent'; readonly text: string }

/** POST /v1/handovers/{id}/calls. `tool` is `server/tool`. */
export type CallInStead = {
  readonly tool: string
  readonly arguments?: Readonly<Record<string, unknown>>
  readonly run?: string
}

/** What became of it: `allow`, `hold`, `deny` or `repeat`, and what the agent would have heard. */
export type CalledInStead = {
  readonly callId: string
  readonly decision: string
  readonly isError: boolean
  readonly result: unknown
}

/** GET /v1/handovers/{id}: where the agent stood. No payload is opened for it. */
export type HandoverDetail = {
  readonly handover: Handover
  readonly session: Session
  /** The last call of a tool, and the last of a model. */
  readonly lastTool: HandoverCall | null
  readonly lastModel: HandoverCall | null
  /** Calls that wait for a person; they may be decided while the session is handed over. */
  readonly holds: readonly HandoverHold[]
  /** Effects that are not at their end, or that nobody knows the end of; at most 200. */
  readonly openEffects: readonly Effect[]
  /** Runs that are not at their end. */
  readonly runs: readonly Run[]
  readonly messages: number
}

export type HandoverCall = {
  readonly callId: string
  readonly action: string
  readonly state: string
  readonly at: string
}

export type HandoverHold = {
  readonly holdId: string
  readonly callId: string
  readonly action: string
  readonly until: string
}

/** GET /v1/handovers/{id}/transcript: that each was opened is in the log before the answer. */
export type Transcript = { readonly steps: readonly TranscriptStep[]; readonly next: string | null }

export type TranscriptStep = {
  /** Of the call, or of the message. */
  readonly id: string
  readonly at: string
  readonly kind: 'model' | 'tool' | 'undo' | 'message'
  /** The model, `server/tool`, or whom a message is for: `user` or `agent`. */
  readonly action: string
  readonly state: string
  readonly code: string | null
  /** The operator who made it in the agent's stead. */
  readonly operatorId: string | null
  readonly said: readonly TranscriptText[]
}

export type TranscriptText = {
  /** `system`, `user`, `assistant`, `tool`, `arguments`, `result` or `error`. */
  readonly role: string
  readonly text: string
  readonly isClipped?: true
}
