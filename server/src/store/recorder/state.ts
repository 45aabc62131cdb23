// What the recorder knows of sessions, budgets, chains and live effects. It is read under the lock
// of the log's head and stays true for as long as the head stands where this replica left it:
// every change of these rows appends an entry.
import type { Client } from 'pg'
import { type Budget, budgetUnits } from '../../core/budget/budget.ts'
import { noEntry } from '../../core/audit/entry.ts'
import type { SessionFacts, ToolCounts } from '../../core/decision/facts.ts'
import { formatFlow, parseFlow, parseScope, type StoredFlow } from '../session-scope.ts'
import type { OrganisationId, ReplicaId } from '../../core/ids.ts'
import type { TouchingEffect, UndoTarget } from './types.ts'
import { type KnownRun, parseRuns, runsColumn } from './session-runs.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export type Facts = Mutable<Omit<SessionFacts, 'tools'>> & {
  tools: Record<string, Mutable<ToolCounts>>
}

/** The row that holds what a session or an agent has used; only what is limited is a budget. */
export type Ledger = {
  readonly scopeId: string
  readonly scope: 'session' | 'agent'
  readonly facts: Facts | undefined
  readonly budgets: readonly Budget[]
  /** In the order of `budgetUnits`; undefined where there is no limit. */
  readonly byUnit: readonly (Budget | undefined)[]
}

export type SessionState = {
  readonly id: string
  readonly agentId: string
  readonly isOpen: boolean
  readonly facts: Facts
  readonly ledger: Ledger
  /** Shared between the agent's sessions. */
  readonly agentLedger: Ledger
  /** Of both. */
  readonly budgets: readonly Budget[]
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
  readonly held: { calls: bigint; tokens: bigint; nanoUsd: bigint }
  readonly bucket: 'reserved' | 'unknown'
  readonly effectId: string | undefined
  readonly effectKey: string | undefined
  /** The declared run that it is a step of. */
  readonly runName?: string | undefined
}

const sessionsMax = 20_000
const effectsMax = 50_000

export type RecorderState = {
  size: bigint
  readonly sessions: Map<string, SessionState>
  readonly keys: Map<string, KeyState>
  readonly ledgers: Map<string, Ledger>
  readonly heads: Map<string, AgentHead>
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
    heads: new Map(),
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
  if (state.sessions.size > sessionsMax || state.effects.size > effectsMax) {
    resetState(state, state.size)
  }
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
  state: string
  task: string
  end_user: string
  scope: unknown
  active_pact_id: string
  runs: unknown
  number: string | null
  last_hash: Buffer | null
}

type LedgerRow = {
  scope_id: string
  scope: 'session' | 'agent'
  facts: StoredFacts
  limits: (string | null)[]
  settled: string[]
  reserved: string[]
  leased: string[]
  unknown: string[]
  overrun: string[]
  own_lease: string[] | null
}

async function loadSessions(state: RecorderState, scope: Scope, ids: string[]): Promise<void> {
  const sessions = await scope.client.query<SessionRow>(
    `SELECT s.session_id, s.agent_id, s.state, s.task, s.end_user, s.scope, h.number, h.last_hash,
        (SELECT p.pact_id FROM airworthy.pacts p WHERE p.organisation_id = s.organisation_id
          AND p.agent_id = s.agent_id AND p.version_id = s.version_id
          ORDER BY p.number DESC LIMIT 1) AS active_pact_id, ${runsColumn}
      FROM airworthy.sessions s LEFT JOIN airworthy.agent_heads h
        ON h.organisation_id = s.organisation_id AND h.log_id = $3 AND h.agent_id = s.agent_id
      WHERE s.organisation_id = $1 AND s.session_id = ANY($2::uuid[])`,
    [scope.organisationId, ids, scope.logId.toString()],
  )
  const ledgers = await scope.client.query<LedgerRow>(
    `SELECT b.scope_id, b.scope, b.facts, b.limits, b.settled, b.reserved, b.leased, b.unknown,
        b.overrun, l.amounts AS own_lease
      FROM airworthy.ledgers b LEFT JOIN airworthy.leases l
        ON l.organisation_id = b.organisation_id AND l.scope_id = b.scope_id
        AND l.replica_id = $3
      WHERE b.organisation_id = $1 AND b.scope_id = ANY($2::uuid[] || ARRAY(
        SELECT DISTINCT agent_id FROM airworthy.sessions
        WHERE organisation_id = $1 AND session_id = ANY($2::uuid[])))`,
    [scope.organisationId, ids, scope.replicaId],
  )
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
  const facts = parseFacts(stored?.facts ?? {}, {
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
  state.sessions.set(row.session_id, {
    id: row.session_id,
    agentId: row.agent_id,
    isOpen: row.state === 'open',
    facts,
    ledger,
    agentLedger,
    budgets: [...ledger.budgets, ...agentLedger.budgets],
    activePactId: row.active_pact_id,
    runs: parseRuns(row.runs),
  })
}

function parseLedger(
  row: LedgerRow | undefined,
  place: Omit<Ledger, 'budgets' | 'byUnit'>,
): Ledger {
  const budgets: Budget[] = []
  for (const [at, unit] of budgetUnits.entries()) {
    const limit = row?.limits[at]
    if (row === undefined || limit === undefined || limit === null) continue
    const lease = BigInt(row.own_lease?.[at] ?? '0')
    budgets.push({
      scopeId: place.scopeId,
      unit,
      limit: BigInt(limit),
      settled: BigInt(row.settled[at] ?? '0'),
      reserved: BigInt(row.reserved[at] ?? '0'),
      unknown: BigInt(row.unknown[at] ?? '0'),
      overrun: BigInt(row.overrun[at] ?? '0'),
      leasedByOthers: BigInt(row.leased[at] ?? '0') - lease,
      lease,
    })
  }
  const byUnit = budgetUnits.map((unit) => budgets.find((budget) => budget.unit === unit))
  return { ...place, budgets, byUnit }
}

/** How facts lie in the row: short, because the row is written with every batch. */
export type StoredFacts = {
  m?: number
  t?: number
  w?: number
  d?: number
  h?: number
  k?: number
  s?: string
  /** Calls that brought untrusted content, and private data. */
  x?: [untrusted: readonly string[], secret: readonly string[]]
  f?: StoredFlow | undefined
  r?: string | undefined
  tools?: Record<string, [made: number, done: number, failed: number, unknown: number]>
}

function parseFacts(
  stored: StoredFacts,
  session: Pick<SessionFacts, 'task' | 'endUser' | 'scope'>,
): Facts {
  const tools: Record<string, Mutable<ToolCounts>> = {}
  for (const [name, [made, done, failed, unknown]] of Object.entries(stored.tools ?? {})) {
    tools[name] = { made, done, failed, unknown }
  }
  return {
    task: session.task,
    endUser: session.endUser,
    scope: session.scope,
    modelCalls: stored.m ?? 0,
    toolCalls: stored.t ?? 0,
    writes: stored.w ?? 0,
    denied: stored.d ?? 0,
    held: stored.h ?? 0,
    tokens: stored.k ?? 0,
    spentNanoUsd: BigInt(stored.s ?? '0'),
    taint: stored.x && { untrusted: stored.x[0], private: stored.x[1] },
    flow: parseFlow(stored.f),
    recent: stored.r,
    tools,
  }
}

export function formatFacts(facts: SessionFacts): StoredFacts {
  const tools: NonNullable<StoredFacts['tools']> = {}
  for (const [name, counts] of Object.entries(facts.tools)) {
    tools[name] = [counts.made, counts.done, counts.failed, counts.unknown]
  }
  return {
    m: facts.modelCalls,
    t: facts.toolCalls,
    w: facts.writes,
    d: facts.denied,
    h: facts.held,
    k: facts.tokens,
    s: facts.spentNanoUsd.toString(),
    ...(facts.taint === undefined ? {} : { x: [facts.taint.untrusted, facts.taint.private] }),
    f: formatFlow(facts.flow),
    r: facts.recent,
    tools,
  }
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
