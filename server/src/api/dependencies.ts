// What the control API needs from the rest of the program; main.ts gives it.
import type { Health } from '@airworthy/sdk'
import type { OrganisationId } from '../core/ids.ts'
import type { Manifest } from '../core/pact/manifest-schema.ts'
import type { Database } from '../store/database.ts'

export type ToolServers = Manifest['toolServers']

export type ListedTool = {
  readonly description: string
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly outputSchema?: Readonly<Record<string, unknown>> | undefined
}

export type ToolLister = {
  /** Keyed by `server/tool`. Throws `manifest.tool_server_unreachable`. */
  readonly list: (servers: ToolServers) => Promise<Readonly<Record<string, ListedTool>>>
}

export type HoldDecider = {
  /** Records the vote and carries it out: an approved call is decided again and executed. */
  readonly decide: (vote: {
    readonly holdId: string
    readonly operatorId: string
    readonly vote: 'approve' | 'reject'
    readonly reason: string
  }) => Promise<void>
}

export type EffectCommands = {
  readonly undo: (command: {
    readonly callId: string
    readonly effectId: string
    readonly operatorId: string
    readonly reason: string
  }) => Promise<void>
  /** Settles an unknown effect as a person found it. */
  readonly resolve: (command: {
    readonly effectId: string
    readonly operatorId: string
    readonly outcome: 'done' | 'failed'
    readonly reason: string
  }) => Promise<void>
}

export const requestPart = 1

export type PayloadReader = {
  /** The request (1) or response (2) of a call; undefined when it is not there, or forgotten. */
  readonly open: (callId: string, part: 1 | 2) => Promise<Buffer | undefined>
}

export type ApiLog = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export type ApiDependencies = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly tools: ToolLister
  readonly holds: HoldDecider
  readonly effects: EffectCommands
  readonly payloads: PayloadReader
  readonly health: () => Promise<Health>
  /** Where clients reach this server, without a slash at the end. */
  readonly publicUrl: () => string
  readonly log: ApiLog
}
