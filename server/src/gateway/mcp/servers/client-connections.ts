// Which connection a call of a relaying server goes on. What a server may ask is told when it is
// connected, and what it asks must reach the client that called and no other: so each client has a
// connection of its own, and calls that nobody can be asked for have one where nothing is promised.
import { AirworthyError } from '../../../core/errors.ts'
import type { ToolRelay } from '../../tools/backend.ts'
import type { McpServer } from './connection.ts'
import { allMarks } from './relay-marks.ts'

export type ConnectionKind = {
  /** Beside the server: which of its connections. */
  readonly key: string
  /** What the server may ask for. */
  readonly marks: string
  /** It serves one client, and is closed when that needs it no more. */
  readonly isOfClient: boolean
}

/** Connections of single clients to all servers of this process; each may be a program. */
export const clientConnectionsMax = 100
/** A client that calls again within this time finds its connection as it left it. */
export const idleMs = 60_000

/** For lists and hashes: some servers list a tool only where they may ask what it needs. */
export function listingKind(server: McpServer): ConnectionKind {
  return { key: '', marks: allMarks(server.relay), isOfClient: false }
}

export function callKind(server: McpServer, relay: ToolRelay | undefined): ConnectionKind {
  if (server.relay === undefined) return listingKind(server)
  if (relay === undefined) return { key: 'nobody to ask', marks: '', isOfClient: false }
  return { key: `${relay.marks} ${relay.client}`, marks: relay.marks, isOfClient: true }
}

/** Makes room for one more by giving up the one that is idle longest. Throws `gateway.overloaded`. */
export function chooseIdle<One extends { readonly idleSinceMs: number | undefined }>(
  all: readonly One[],
): One | undefined {
  if (all.length < clientConnectionsMax) return undefined
  const [oldest] = all
    .filter((one) => one.idleSinceMs !== undefined)
    .toSorted((a, b) => (a.idleSinceMs ?? 0) - (b.idleSinceMs ?? 0))
  if (oldest !== undefined) return oldest
  const message = `${clientConnectionsMax} clients have connections of their own already`
  throw new AirworthyError('gateway.overloaded', message)
}
