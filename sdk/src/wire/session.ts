import type { Budget } from './agent.ts'
import type { Call } from './call.ts'
import type { Effect } from './effect.ts'

export type SessionMode = 'enforce' | 'observe'

export type SessionScope = Readonly<Record<string, string | number | boolean>>

/** The write flow of a session; `barred`: only an operator or launcher opens it again. */
export type SessionFlow = {
  readonly state: 'open' | 'barred'
  readonly since: string
  readonly writes: number
}

/** POST /v1/sessions/{id}/flow: `write` opens the write flow, `read` closes it. */
export type SetFlow = { readonly flow: 'read' | 'write'; readonly reason?: string }

/** POST /v1/sessions. `agent` is an id or a name. */
export type OpenSession = {
  readonly agent: string
  /** One of the manifest's tasks, where it declares any; else free text. */
  readonly task?: string
  /** Values of the data scopes that the manifest declares: `{ customer_id: 'C17' }`. */
  readonly scope?: SessionScope
  readonly endUser?: string
  readonly mode?: SessionMode
  readonly limits?: {
    readonly calls?: number
    /** Input and output together. */
    readonly tokens?: number
    readonly inputTokens?: number
    readonly outputTokens?: number
    readonly moneyUsd?: string
  }
  /** Where each `models[].baseUrl` is replaced for this session only (recordings, staging). */
  readonly modelBaseUrl?: string
}

export type Session = {
  readonly id: string
  readonly agent: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly task: string
  readonly endUser: string
  readonly scope: SessionScope
  readonly mode: SessionMode
  /** `handed_over`: a person has it instead of the agent. */
  readonly state: 'open' | 'handed_over' | 'closed'
  readonly isDefault: boolean
  readonly openedAt: string
  readonly closedAt: string | null
  readonly facts: SessionFacts
  /** Null where neither a rule nor a person has opened or closed it. */
  readonly flow: SessionFlow | null
}

export type SessionFacts = {
  readonly modelCalls: number
  readonly toolCalls: number
  readonly writes: number
  readonly denied: number
  readonly held: number
  readonly tokens: number
  /** Decimal string of an integer. */
  readonly spentNanoUsd: string
  /** Whether the session has read untrusted content, and private data. */
  readonly untrusted: boolean
  readonly private: boolean
}

export type OpenedSession = {
  readonly session: Session
  /** Shown once. Model and tool URLs carry it in the path or in the `airworthy-session` header. */
  readonly sessionKey: string
  readonly openaiBaseUrl: string
  readonly mcpUrls: Readonly<Record<string, string>>
}

/** GET /v1/sessions */
export type SessionPage = { readonly sessions: readonly Session[]; readonly next: string | null }

/** GET /v1/sessions/{id}: oldest calls first, at most 1,000 of them. */
export type SessionDetail = {
  readonly session: Session
  readonly budgets: readonly Budget[]
  readonly calls: readonly Call[]
  /** Give it as `callsAfter` to read the next calls; null when there are none. */
  readonly callsNext: string | null
  /** The effects of the calls listed here. */
  readonly effects: readonly Effect[]
}
