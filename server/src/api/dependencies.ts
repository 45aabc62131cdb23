// What the control API needs from the rest of the program; main.ts gives it.
import type { Health, UpstreamList } from '@airworthy/sdk'
import type { Notifier } from '../adapters/notifier/notifier.ts'
import type { PriceCatalogue } from '../adapters/price-catalogue/price-catalogue.ts'
import type { ObjectStore } from '../adapters/objects/object-store.ts'
import type { Audience } from '../core/handover/handover.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { ProofKey } from '../core/effect/proof.ts'
import type { CompiledPact } from '../core/pact/compiled.ts'
import type { Manifest } from '../core/pact/manifest-schema.ts'
import type { NoteKey } from '../core/tlog/note-key.ts'
import type { NoteSigner } from '../core/tlog/signatures.ts'
import type { DidResolver } from '../adapters/resolve-did.ts'
import type { SecretVault } from '../store/channels/channels.ts'
import type { Database } from '../store/database.ts'
import type { Handover } from '../store/handover/handovers.ts'
import type { PriceBook } from '../store/models/price-book.ts'
import type { SignedVote } from '../store/holds/vote-checks.ts'
import type { Settle } from '../store/calls/reconcile-calls.ts'
import type { Identities } from './identity/identities.ts'

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
    readonly round?: number | undefined
    readonly signed?: SignedVote | undefined
  }) => Promise<void>
  /** Proposes a held call with other arguments, in its place where they are held too. Gives the new call and its hold. */
  readonly edit: (edit: {
    readonly holdId: string
    readonly operatorId: string
    readonly args: Readonly<Record<string, unknown>>
    readonly reason: string
  }) => Promise<{ readonly callId: string; readonly holdId: string | undefined }>
}

export type CanaryCommands = {
  /**
   * Makes a hold that should be refused; gives its id. Throws `agent.unknown`, `tool.unknown`, or
   * `request.invalid` where no such call could be held.
   */
  readonly plant: (canary: {
    readonly agent: string
    readonly action: string
    readonly args: Readonly<Record<string, unknown>>
    readonly rule: string | undefined
    readonly amount: string | undefined
    readonly task: string | undefined
    readonly endUser: string | undefined
    readonly operatorId: string
  }) => Promise<string>
}

/** What the operator who has a session does in its agent's stead. Both throw `handover.*`. */
export type HandoverCommands = {
  readonly say: (saying: {
    readonly handoverId: string
    readonly operatorId: string
    readonly audience: Audience
    readonly text: string
  }) => Promise<Handover>
  readonly call: (calling: {
    readonly handoverId: string
    readonly operatorId: string
    /** `server/tool`. */
    readonly tool: string
    readonly args: Readonly<Record<string, unknown>>
    readonly run: string | undefined
  }) => Promise<{
    readonly callId: string
    readonly decision: string
    readonly result: { readonly isError?: boolean | undefined }
  }>
}

export type EffectCommands = {
  readonly undo: (command: {
    readonly callId: string
    readonly effectId: string
    readonly operatorId: string
    readonly reason: string
  }) => Promise<void>
  /** What an undo would do. Throws `effect.not_undoable`. */
  readonly previewUndo: (effectId: string) => Promise<{
    readonly effectId: string
    readonly state: string
    readonly tool: string
    readonly args: Readonly<Record<string, unknown>>
    readonly untilMs: number | undefined
    readonly blockedBy: readonly string[]
  }>
  /** Settles an unknown effect, or an unknown undo, as a person found it. */
  readonly resolve: (command: {
    readonly effectId: string
    readonly operatorId: string
    readonly outcome: 'done' | 'failed'
    readonly reason: string
  }) => Promise<void>
}

export type ProofCommands = {
  /** Tries the undo of each tool. Throws when a tool server cannot be reached. */
  readonly prove: (command: {
    readonly agentName: string
    readonly operatorId: string
    readonly pact: CompiledPact
    readonly tools: ReadonlyMap<string, ProofKey>
  }) => Promise<
    readonly {
      readonly proofId: string
      readonly tool: string
      readonly state: 'proved' | 'disproved'
      readonly reason: string | undefined
      readonly detail: string | undefined
    }[]
  >
}

export type UpstreamReader = {
  /** What this process knows of the places that serve models. */
  readonly list: () => UpstreamList
}

export type CallCommands = {
  /** Writes what became of a call. Throws `call.unknown` where it is settled, `log.unavailable`. */
  readonly settle: Settle
}

export type ChannelCommands = {
  readonly notifier: Notifier
  /** Seals what channels must keep to themselves. */
  readonly vault: SecretVault
}

export type RunCommands = {
  /** A run was closed or completed: work on it begins. */
  readonly wake: () => void
}

export const requestPart = 1

export type PayloadReader = {
  /** The request (1) or response (2) of a call; undefined when it is not there, or forgotten. */
  readonly open: (callId: string, part: 1 | 2) => Promise<Buffer | undefined>
}

/** The log as others read it, and what this install does as a witness of other logs. */
export type PublishedLog = {
  readonly store: ObjectStore
  /** Whether anybody may read it; else whoever has a key that may read the log. */
  readonly isPublic: boolean
  /** Signs promises as the log of this origin; undefined where its key is not on this machine. */
  readonly signerOf: (origin: string, logKey: string) => NoteSigner | undefined
  /** Whether a checkpoint counts only with the cosignatures that the policy asks for. */
  readonly mustBeWitnessed: boolean
  /** The policy that this install asks of its own checkpoints, as it was written. */
  readonly policyText?: string | undefined
  readonly witness: {
    readonly signer: NoteSigner
    /** Undefined for a log that this install does not witness. */
    readonly keysOf: (origin: string) => readonly NoteKey[] | undefined
  }
}

export type ApiLog = (message: string, fields?: Readonly<Record<string, unknown>>) => void

export type ApiDependencies = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly tools: ToolLister
  /** What models cost: overrides over the catalogue. */
  readonly prices: { readonly book: PriceBook; readonly catalogue: PriceCatalogue }
  readonly holds: HoldDecider
  readonly canaries: CanaryCommands
  readonly handovers: HandoverCommands
  readonly effects: EffectCommands
  readonly proofs: ProofCommands
  readonly runs: RunCommands
  readonly channels: ChannelCommands
  readonly calls: CallCommands
  readonly upstreams: UpstreamReader
  readonly payloads: PayloadReader
  readonly publishedLog: PublishedLog
  /** The keyed hashes under which the subject of this name has, or had, a key; the first one too. */
  readonly subjectIds: (subject: string) => Promise<readonly [Buffer, ...Buffer[]]>
  /** Keyed: equal texts have equal digests, and none can be guessed. */
  readonly digestOf: (text: string) => string
  readonly identities: Identities
  readonly resolveDid: DidResolver
  readonly health: () => Promise<Health>
  /** Where clients reach this server, without a slash at the end. */
  readonly publicUrl: () => string
  readonly log: ApiLog
}
