// What the recorder knows of sessions, budgets, chains and live effects. It is read under the lock
// of the log's head and stays true for as long as the head stands where this replica left it:
// every change of these rows appends an entry.
import type { Client } from 'pg'
import type { Amounts, Budget } from '../../core/budget/budget.ts'
import { noEntry } from '../../core/audit/entry.ts'
import type { PolicySubjects } from '../../core/budget/policy.ts'
import type { KnownPolicy } from '../budgets/budget-policy-rows.ts'
import { parseScope } from '../session-scope.ts'
import type { OrganisationId, ReplicaId } from '../../core/ids.ts'
import type { ActiveKill } from '../../core/kill/kill.ts'
import { killsColumn, parseKills } from './kills.ts'
import type { AgentWatch } from './agent-watch.ts'
import { type Ledger, type LedgerRow, parseLedger } from './ledger.ts'
import type { TouchingEffect, UndoTarget } from './types.ts'
import { type MoneyState, noMoney } from './money-state.ts'
import { type Facts, parseFacts } from './session-facts.ts'
import { handoverColumn, type KnownHandover, parseHandover } from './session-handover.ts'
import { type KnownRun, parseRuns, runsColumn } from './session-runs.ts'

export type SessionState = {
  readonly id: string
  readonly agentId: string
  readonly isOpen: boolean
  /** Set while it is with a person. */
  handover: KnownHandover | undefined
  readonly facts: Facts
  readonly ledger: Ledger
  /** Shared between the agent's sessions. */
  readonly agentLedger: Ledger
  /** Of both. */
  readonly ownBudgets: readonly Budget[]
  readonly subjects: PolicySubjects
  /** Those of the organisation's budgets that it counts in, until a window of them ends. */
  policyLedgers: readonly Ledger[]
  /** Of all of them. */
  budgets: readonly Budget[]
  validUntilMs: number
  /** The newest pact of the session's version. */
  readonly activePactId: string
  /** By name; empty is the name of the whole session's. */
  readonly runs: Map<string, KnownRun>
}

export type KeyState = { readonly isRevoked: boolean; readonly expiresAtMs: number | undefined }

/** The leaf hash of the agent's newest entry, base64url. */
export type AgentHead = { number: bigint; hash: string }

export type LiveEffect = {
  readonly effectId: string
  readonly callId: string
  readonly argsHash: string
  state: string
  readonly expiresAtMs: number | undefined
  holdId: string | undefined
  holdUntilMs: number | undefined
  undoCallId?: string | undefined
}

/** A call whose outcome is not written yet, or is unknown. */
export type OpenCall = {
  readonly callId: string
  readonly sessionId: string
  readonly agentId: string
  readonly versionId: string
  readonly pactId: string
  readonly kind: 'model' | 'tool' | 'undo'
  readonly action: string
  readonly isWrite: boolean
  readonly held: Amounts
  readonly bucket: 'reserved' | 'unknown'
  readonly effectId: string | undefined
  readonly effectKey: string | undefined
  /** The declared run that it is a step of. */
  readonly runName?: string | undefined
  /** The ledgers of policies that it reserved in. */
  readonly ledgerIds?: readonly string[] | undefined
  /** What of an unknown call was settled for certain. */
  readonly settledBefore?: Amounts | undefined
  /** It reserved in ledgers of money, or closes an authorisation. */
  readonly hasMoney?: boolean | undefined
}

const sessionsMax = 20_000
const effectsMax = 50_000
const ledgersMax = 50_000

export type RecorderState = {
  size: bigint
  readonly sessions: Map<string, SessionState>
  readonly keys: Map<string, KeyState>
  /** Of agents and of policies. */
  readonly ledgers: Map<string, Ledger>
  /** In force, as of the sessions that are known. */
  kills: readonly ActiveKill[]
  /** Of the organisation's budgets, as of the head; null where there are none. */
  policiesVersion: string | null
  /** Of a version that may be an earlier one: read anew before they are used then. */
  policies: { readonly version: string | null; readonly byId: ReadonlyMap<string, KnownPolicy> }
  /** Of the organisation's limits on money, as of the head; null where there never were any. */
  limitsVersion: string | null
  /** Only for the batch that is placed. */
  money: MoneyState
  readonly heads: Map<string, AgentHead>
  /** Of agents whose pact has them watched; and when they were seen with what, undefined for never. */
  readonly watches: Map<string, AgentWatch>
  readonly encounters: Map<string, number | undefined>
  /** By effect key; null where it is known that no live effect has the key. */
  readonly effects: Map<string, LiveEffect | null>
  /** Only for the batch that is placed: what its calls touch, and what they undo. */
  readonly touching: TouchingEffect[]
  readonly undoTargets: Map<string, UndoTarget>
}

export function createState(): RecorderState {
  return {
    size: -1n,
    sessions: new Map(),
    keys: new Map(),
    ledgers: new Map(),
    kills: [],
    policiesVersion: null,
    policies: { version: null, byId: new Map() },
    limitsVersion: null,
    money: noMoney(),
    heads: new Map(),
    watches: new Map(),
    encounters: new Map(),
    effects: new Map(),
    touching: [],
    undoTargets: new Map(),
  }
}

export function resetState(state: RecorderState, size: bigint): void {
  state.size = size
  state.sessions.clear()
  state.keys.clear()
  state.ledgers.clear()
  state.heads.clear()
  state.watches.clear()
  state.encounters.clear()
  state.effects.clear()
}

export type Scope = {
  readonly client: Client
  readonly organisationId: OrganisationId
  readonly replicaId: ReplicaId
  readonly logId: bigint
}

export type Needs = {
  readonly sessionIds: ReadonlySet<string>
  readonly apiKeyIds: ReadonlySet<string>
  readonly effectKeys: ReadonlySet<string>
}

/** Reads what is missing. Must be called while the head's lock is held. */
export async function loadState(state: RecorderState, scope: Scope, needs: Needs): Promise<void> {
  const { sessions, effects, ledgers } = state
  const isFull = sessions.size > sessionsMax || effects.size > effectsMax
  if (isFull || ledgers.size > ledgersMax) resetState(state, state.size)
  const sessionIds = missing(needs.sessionIds, state.sessions)
  const apiKeyIds = missing(needs.apiKeyIds, state.keys)
  const effectKeys = missing(needs.effectKeys, state.effects)
  // One after the other: the connection carries one question at a time.
  if (sessionIds.length > 0) await loadSessions(state, scope, sessionIds)
  if (apiKeyIds.length > 0) await loadKeys(state, scope, apiKeyIds)
  if (effectKeys.length > 0) await loadEffects(state, scope, effectKeys)
}

function missing(wanted: ReadonlySet<string>, known: ReadonlyMap<string, unknown>): string[] {
  const absent: string[] = []
  for (const id of wanted) if (!known.has(id)) absent.push(id)
  return absent
}

type SessionRow = {
  session_id: string
  agent_id: string
  version_id: string
  owner: string
  policies_version: string | null
  limits_version: string | null
  kills: unknown
  state: string
  task: string
  end_user: string
  scope: unknown
  active_pact_id: string
  runs: unknown
  handover: unknown
  number: string | null
  last_hash: Buffer | null
}

async function loadSessions(state: RecorderState, scope: Scope, ids: string[]): Promise<void> {
  const sessions = await scope.client.query<SessionRow>(
    `SELECT s.session_id, s.agent_id, s.version_id, s.state, s.task, s.end_user, s.scope, h.number,
        h.last_hash, (SELECT a.owner FROM airworthy.agents a
          WHERE a.organisation_id = s.organisation_id AND a.agent_id = s.agent_id) AS owner,
        (SELECT max(b.version) FROM airworthy.budget_policies b
          WHERE b.organisation_id = $1) AS policies_version,
        (SELECT max(m.version) FROM airworthy.limits m
          WHERE m.organisation_id = $1) AS limits_version, ${killsColumn},
        (SELECT p.pact_id FROM airworthy.pacts p WHERE p.organisation_id = s.organisation_id
          AND p.agent_id = s.agent_id AND p.version_id = s.version_id
          ORDER BY p.number DESC LIMIT 1) AS active_pact_id, ${runsColumn},
        ${handoverColumn}
      FROM airworthy.sessions s LEFT JOIN airworthy.agent_heads h
        ON h.organisation_id = s.organisation_id AND h.log_id = $3 AND h.agent_id = s.agent_id
      WHERE s.organisation_id = $1 AND s.session_id = ANY($2::uuid[])`,
    [scope.organisationId, ids, scope.logId.toString()],
  )
  const ledgers = await scope.client.query<LedgerRow>(
    `SELECT b.scope_id, b.scope, b.facts, b.limits, b.settled, b.reserved, b.leased, b.unknown,
        b.overrun, b.policy_id, l.amounts AS own_lease
      FROM airworthy.ledgers b LEFT JOIN airworthy.leases l
        ON l.organisation_id = b.organisation_id AND l.scope_id = b.scope_id
        AND l.replica_id = $3
      WHERE b.organisation_id = $1 AND b.scope_id = ANY($2::uuid[] || ARRAY(
        SELECT DISTINCT agent_id FROM airworthy.sessions
        WHERE organisation_id = $1 AND session_id = ANY($2::uuid[])))`,
    [scope.organisationId, ids, scope.replicaId],
  )
  state.policiesVersion = sessions.rows[0]?.policies_version ?? null
  // Where no session is found nothing is learned, and limits and kills must not be forgotten.
  const [known] = sessions.rows
  if (known !== undefined) {
    state.limitsVersion = known.limits_version
    state.kills = parseKills(sessions.rows.find(({ kills }) => kills !== null)?.kills)
  }
  const rows = new Map(ledgers.rows.map((row) => [row.scope_id, row]))
  for (const row of sessions.rows) {
    addSession(state, row, rows)
    if (!state.heads.has(row.agent_id)) {
      state.heads.set(row.agent_id, {
        number: BigInt(row.number ?? '0'),
        hash: row.last_hash?.toString('base64url') ?? noEntry,
      })
    }
  }
}

function addSession(
  state: RecorderState,
  row: SessionRow,
  rows: ReadonlyMap<string, LedgerRow>,
): void {
  const stored = rows.get(row.session_id)
  const facts = parseFacts(stored?.facts, {
    task: row.task,
    endUser: row.end_user,
    scope: parseScope(row.scope),
  })
  const ledger = parseLedger(stored, { scopeId: row.session_id, scope: 'session', facts })
  let agentLedger = state.ledgers.get(row.agent_id)
  if (agentLedger === undefined) {
    const place = { scopeId: row.agent_id, scope: 'agent', facts: undefined } as const
    agentLedger = parseLedger(rows.get(row.agent_id), place)
    state.ledgers.set(row.agent_id, agentLedger)
  }
  const budgets = [...ledger.budgets, ...agentLedger.budgets]
  state.sessions.set(row.session_id, {
    id: row.session_id,
    agentId: row.agent_id,
    isOpen: row.state !== 'closed',
    handover: parseHandover(row.handover),
    facts,
    ledger,
    agentLedger,
    ownBudgets: budgets,
    subjects: {
      team: row.owner,
      agentId: row.agent_id,
      versionId: row.version_id,
      endUser: row.end_user,
      sessionId: row.session_id,
    },
    policyLedgers: [],
    budgets,
    // Where there are policies it is linked to their ledgers before it is used.
    validUntilMs: row.policies_version === null ? Number.POSITIVE_INFINITY : 0,
    activePactId: row.active_pact_id,
    runs: parseRuns(row.runs),
  })
}

async function loadKeys(state: RecorderState, scope: Scope, ids: string[]): Promise<void> {
  const found = await scope.client.query<{
    api_key_id: string
    revoked_at: Date | null
    expires_ms: string | null
  }>(
    `SELECT api_key_id, revoked_at, (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms
    FROM airworthy.api_keys WHERE organisation_id = $1 AND api_key_id = ANY($2::uuid[])`,
    [scope.organisationId, ids],
  )
  for (const row of found.rows) {
    state.keys.set(row.api_key_id, {
      isRevoked: row.revoked_at !== null,
      expiresAtMs: row.expires_ms === null ? undefined : Number(row.expires_ms),
    })
  }
}

async function loadEffects(state: RecorderState, scope: Scope, keys: string[]): Promise<void> {
  const found = await scope.client.query<{
    effect_key: string
    effect_id: string
    call_id: string
    args_hash: string
    state: string
    expires_ms: string | null
    hold_id: string | null
    until_ms: string | null
    undo_call_id: string | null
  }>(
    `SELECT e.effect_key, e.effect_id, e.call_id, e.args_hash, e.state,
      (extract(epoch FROM e.expires_at) * 1000)::bigint AS expires_ms, h.hold_id, e.undo_call_id,
      (extract(epoch FROM h.expires_at) * 1000)::bigint AS until_ms
    FROM airworthy.effects e LEFT JOIN airworthy.holds h
      ON h.organisation_id = e.organisation_id AND h.call_id = e.call_id
    WHERE e.organisation_id = $1 AND e.is_live AND e.effect_key = ANY($2::text[])`,
    [scope.organisationId, keys],
  )
  for (const key of keys) state.effects.set(key, null)
  for (const row of found.rows) {
    state.effects.set(row.effect_key, {
      effectId: row.effect_id,
      callId: row.call_id,
      argsHash: row.args_hash,
      state: row.state,
      expiresAtMs: row.expires_ms === null ? undefined : Number(row.expires_ms),
      holdId: row.hold_id ?? undefined,
      holdUntilMs: row.until_ms === null ? undefined : Number(row.until_ms),
      undoCallId: row.undo_call_id ?? undefined,
    })
  }
}
