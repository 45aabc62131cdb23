import type { Budget } from './agent.ts'
import type { Call } from './call.ts'

export type SessionMode = 'enforce' | 'observe'

/** POST /v1/sessions. `agent` is an id or a name. */
export type OpenSession = {
  readonly agent: string
  readonly task?: string
  readonly endUser?: string
  readonly mode?: SessionMode
  readonly limits?: {
    readonly calls?: number
    readonly tokens?: number
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
  readonly mode: SessionMode
  readonly state: 'open' | 'closed'
  readonly isDefault: boolean
  readonly openedAt: string
  readonly facts: SessionFacts
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
}

export type OpenedSession = {
  readonly session: Session
  /** Shown once. Model and tool URLs carry it in the path or in the `airworthy-session` header. */
  readonly sessionKey: string
  readonly openaiBaseUrl: string
  readonly mcpUrls: Readonly<Record<string, string>>
}

export type SessionDetail = {
  readonly session: Session
  readonly budgets: readonly Budget[]
  readonly calls: readonly Call[]
}
