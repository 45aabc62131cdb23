// The client of the control API. It never retries: a command may have been carried out although
// its answer was lost, and only the caller knows whether to look first.
import type {
  AgentDetail,
  AgentPage,
  ApiKeyInfo,
  EnrolAgent,
  EnrolledAgent,
  IssuedKey,
  IssueKey,
  RotateKey,
} from './wire/agent.ts'
import type {
  CallSearch,
  DeleteShard,
  Erasure,
  ErasurePage,
  FoundCallPage,
  LegalHold,
  LegalHoldPage,
  LoggedAccessPage,
  OpenedPayload,
  PlaceLegalHold,
  RequestErasure,
  Retention,
  SetRetention,
  ShardDeletion,
} from './wire/audit.ts'
import type {
  CachePair,
  CachePairPage,
  CacheStanding,
  CacheStats,
  PurgeCache,
  PurgedCache,
  ReviewCachePair,
  SetCacheMode,
} from './wire/cache.ts'
import type { Call, CallUndoPreview, EffectState, Receipt, UndoCall } from './wire/call.ts'
import type { Effect, EffectPage, ResolveEffect } from './wire/effect.ts'
import type { EntryPage, EntryQuery, Health, LogSummary } from './wire/entry.ts'
import type {
  AddPublicKey,
  AddWitnessProof,
  AgentPublicKey,
  DeactivateIdentity,
  DraftRecovery,
  Identity,
  PublicKeyPage,
  RecoverIdentity,
  RecoveryDraft,
  ResolvedDid,
  RotateIdentity,
  WitnessApproval,
  WitnessDid,
} from './wire/identity.ts'
import type { DecidedHold, DecideHold, HoldDetail, HoldPage, HoldState } from './wire/hold.ts'
import type {
  CheckPact,
  ExplainedDecision,
  PactCheck,
  ReplayedPage,
  ReplayPact,
} from './wire/pact.ts'
import type { ProveTools, ProvedTools, ToolList } from './wire/tool.ts'
import type { LogShard, LogShards } from './wire/log.ts'
import type { AddedOperator, AddOperator, Operator, OperatorPage } from './wire/operator.ts'
import type { RouteReport } from './wire/route.ts'
import type {
  OpenRun,
  Run,
  RunDetail,
  RunPage,
  RunState,
  SettleRun,
  TakeBackRun,
  UndoPreview,
} from './wire/run.ts'
import type {
  OpenedSession,
  OpenSession,
  Session,
  SessionDetail,
  SessionPage,
  SetFlow,
} from './wire/session.ts'
import type { UpstreamList } from './wire/upstream.ts'
import { approvalOperations } from './approval-operations.ts'
import { budgetOperations } from './budget-operations.ts'
import { moneyOperations } from './money-operations.ts'
import { channelOperations } from './channel-operations.ts'
import { holdLoadOperations } from './hold-load-operations.ts'
import { killOperations } from './kill-operations.ts'
import { peopleOperations } from './people-operations.ts'
import { handoverOperations } from './handover-operations.ts'
import { priceOperations } from './price-operations.ts'
import { type ClientOptions, type Requester, requester } from './requester.ts'

type Page = { readonly after?: string; readonly limit?: number }

export type Client = ReturnType<typeof createClient>

/** Enrolment waits for tool servers to start; approving and undoing wait for the tool itself. */
const slowTimeoutMs = 300_000

/** A typed method per operation. Each throws `AirworthyApiError` unless the answer is a success. */
export function createClient(options: ClientOptions) {
  const { get, post, stream } = requester(options)
  const slow = { timeoutMs: Math.max(slowTimeoutMs, options.timeoutMs ?? 0) }
  return {
    ...agentOperations(get, post, slow),
    ...pactOperations(get, post, slow),
    ...cacheOperations(get, post),
    ...runOperations(get, post),
    ...identityOperations(get, post, slow),
    ...auditOperations({ get, post, stream }),
    ...modelOperations(get),
    ...holdLoadOperations({ get, post }),
    ...killOperations({ get, post }),
    ...peopleOperations({ get, post }),
    ...approvalOperations({ get, post }, slow),
    ...priceOperations({ get, post }),
    ...handoverOperations({ get, post }, slow),
    ...budgetOperations({ get, post }, slow),
    ...moneyOperations({ get, post }),
    ...channelOperations({ get, post }, slow),
    openSession: (body: OpenSession) => post<OpenedSession>('/v1/sessions', body),
    listSessions: (query: Page & { agent?: string; state?: Session['state'] } = {}) =>
      get<SessionPage>('/v1/sessions', query),
    getSession: (id: string, query: { callsAfter?: string } = {}) =>
      get<SessionDetail>(`/v1/sessions/${segment(id)}`, query),
    setFlow: (id: string, body: SetFlow) => post<Session>(`/v1/sessions/${segment(id)}/flow`, body),
    closeSession: (id: string) => post<Session>(`/v1/sessions/${segment(id)}/close`, {}),
    listHolds: (query: Page & { state?: HoldState } = {}) => get<HoldPage>('/v1/holds', query),
    getHold: (id: string) => get<HoldDetail>(`/v1/holds/${segment(id)}`),
    approveHold: (id: string, body: DecideHold = {}) =>
      post<DecidedHold>(`/v1/holds/${segment(id)}/approve`, body, slow),
    rejectHold: (id: string, body: DecideHold = {}) =>
      post<DecidedHold>(`/v1/holds/${segment(id)}/reject`, body, slow),
    getCall: (id: string) => get<Call>(`/v1/calls/${segment(id)}`),
    getReceipt: (id: string) => get<Receipt>(`/v1/calls/${segment(id)}/receipt`),
    listShards: () => get<LogShards>('/v1/log/shards'),
    rotateLog: () => post<LogShard>('/v1/log/rotate', {}),
    previewUndo: (id: string) => get<CallUndoPreview>(`/v1/calls/${segment(id)}/undo`),
    undoCall: (id: string, body: UndoCall = {}) =>
      post<Call>(`/v1/calls/${segment(id)}/undo`, body, slow),
    listEffects: (query: Page & { state?: EffectState } = {}) =>
      get<EffectPage>('/v1/effects', query),
    resolveEffect: (id: string, body: ResolveEffect) =>
      post<Effect>(`/v1/effects/${segment(id)}/resolve`, body),
    addOperator: (body: AddOperator) => post<AddedOperator>('/v1/operators', body),
    listOperators: (query: Page = {}) => get<OperatorPage>('/v1/operators', query),
    revokeOperator: (id: string) => post<Operator>(`/v1/operators/${segment(id)}/revoke`, {}),
    listEntries: (query: EntryQuery = {}) => get<EntryPage>('/v1/entries', query),
    // The server reads the log for this one.
    getLog: (query: { log?: string } = {}) => get<LogSummary>('/v1/log', query, slow),
    health: () => get<Health>('/healthz', {}, { alsoGood: 503 }),
  }
}

function agentOperations(
  get: Requester['get'],
  post: Requester['post'],
  slow: { timeoutMs: number },
) {
  return {
    enrolAgent: (body: EnrolAgent) => post<EnrolledAgent>('/v1/agents', body, slow),
    listAgents: (query: Page = {}) => get<AgentPage>('/v1/agents', query),
    /** `agent` is an id or a name, here and below. */
    getAgent: (agent: string) => get<AgentDetail>(`/v1/agents/${segment(agent)}`),
    listTools: (agent: string) => get<ToolList>(`/v1/agents/${segment(agent)}/tools`),
    /** Does, undoes and compares, with the sample arguments of each contract. */
    proveTools: (body: ProveTools) => post<ProvedTools>('/v1/proofs', body, slow),
    issueKey: (agent: string, body: IssueKey = {}) =>
      post<IssuedKey>(`/v1/agents/${segment(agent)}/keys`, body),
    /** A key with the same binding and scopes; the old one works for a while. */
    rotateKey: (agent: string, keyId: string, body: RotateKey = {}) =>
      post<IssuedKey>(`/v1/agents/${segment(agent)}/keys/${segment(keyId)}/rotate`, body),
    revokeKey: (agent: string, keyId: string) =>
      post<ApiKeyInfo>(`/v1/agents/${segment(agent)}/keys/${segment(keyId)}/revoke`, {}),
  }
}

function identityOperations(
  get: Requester['get'],
  post: Requester['post'],
  slow: { timeoutMs: number },
) {
  return {
    /** Without `agent`: the organisation's, here and below. */
    getIdentity: (query: { agent?: string } = {}) => get<Identity>('/v1/identity', query),
    rotateIdentity: (body: RotateIdentity = {}) =>
      post<Identity>('/v1/identity/rotate', body, slow),
    /** For good. */
    deactivateIdentity: (body: DeactivateIdentity = {}) =>
      post<Identity>('/v1/identity/deactivate', body, slow),
    draftRecovery: (body: DraftRecovery) =>
      post<RecoveryDraft>('/v1/identity/recovery-drafts', body, slow),
    recoverIdentity: (body: RecoverIdentity) => post<Identity>('/v1/identity/recover', body, slow),
    resolveDid: (did: string) => post<ResolvedDid>('/v1/identity/resolve', { did }, slow),
    witnessDid: (body: WitnessDid) => post<WitnessApproval>('/v1/identity/witness', body, slow),
    addWitnessProof: (body: AddWitnessProof) =>
      post<Identity>('/v1/identity/witness-proofs', body, slow),
    addPublicKey: (agent: string, body: AddPublicKey) =>
      post<AgentPublicKey>(publicKeys(agent), body, slow),
    listPublicKeys: (agent: string) => get<PublicKeyPage>(publicKeys(agent)),
    revokePublicKey: (agent: string, thumbprint: string) =>
      post<AgentPublicKey>(`${publicKeys(agent)}/${segment(thumbprint)}/revoke`, {}, slow),
  }
}

function cacheOperations(get: Requester['get'], post: Requester['post']) {
  return {
    getCache: (query: { agent?: string } = {}) => get<CacheStats>('/v1/cache', query),
    purgeCache: (body: PurgeCache) => post<PurgedCache>('/v1/cache/purge', body),
    /** Refused while the evidence is not enough for `live`. */
    setCacheMode: (body: SetCacheMode) => post<CacheStanding>('/v1/cache/mode', body),
    listCachePairs: (query: Page & { agent?: string; verdict?: CachePair['verdict'] } = {}) =>
      get<CachePairPage>('/v1/cache/pairs', query),
    reviewCachePair: (id: string, body: ReviewCachePair) =>
      post<CachePair>(`/v1/cache/pairs/${segment(id)}/review`, body),
  }
}

function runOperations(get: Requester['get'], post: Requester['post']) {
  return {
    openRun: (sessionId: string, body: OpenRun) =>
      post<Run>(`/v1/sessions/${segment(sessionId)}/runs`, body),
    listRuns: (query: Page & { session?: string; state?: RunState } = {}) =>
      get<RunPage>('/v1/runs', query),
    getRun: (id: string) => get<RunDetail>(`/v1/runs/${segment(id)}`),
    completeRun: (id: string) => post<Run>(`/v1/runs/${segment(id)}/complete`, {}),
    /** Takes back a run that is not completed; its steps are undone from then on. */
    abortRun: (id: string, body: TakeBackRun = {}) =>
      post<Run>(`/v1/runs/${segment(id)}/abort`, body),
    /** Also takes back a run that is completed, and tries again what was stuck. */
    undoRun: (id: string, body: TakeBackRun = {}) =>
      post<Run>(`/v1/runs/${segment(id)}/undo`, body),
    settleRun: (id: string, body: SettleRun) => post<Run>(`/v1/runs/${segment(id)}/settle`, body),
    previewRun: (id: string) => get<UndoPreview>(`/v1/runs/${segment(id)}/preview`),
    undoSession: (id: string, body: TakeBackRun = {}) =>
      post<Run>(`/v1/sessions/${segment(id)}/undo`, body),
    previewSession: (id: string) => get<UndoPreview>(`/v1/sessions/${segment(id)}/preview`),
  }
}

/** Models: where they are served, what they cost, how requests are routed to them. */
function modelOperations(get: Requester['get']) {
  return {
    /** As the gateway process that answers sees it. */
    listUpstreams: () => get<UpstreamList>('/v1/upstreams'),
    reportRoutes: (agent: string, query: { days?: number } = {}) =>
      get<RouteReport>(`/v1/agents/${segment(agent)}/routes`, query),
  }
}

function auditOperations({ get, post, stream }: Requester) {
  return {
    /** A bundle that verifies offline, as it comes. `from` and `to` are numbers of entries, or times. */
    exportLog: (query: { log?: string; from?: string; to?: string } = {}) =>
      stream('/v1/audit/export', query),
    searchCalls: (query: Page & CallSearch = {}) => get<FoundCallPage>('/v1/audit/calls', query),
    /** That it was opened, by whom and why is in the log before the answer. */
    readPayload: (id: string, query: { part?: OpenedPayload['part'] } = {}) =>
      get<OpenedPayload>(`/v1/audit/calls/${segment(id)}/payload`, query),
    listAccesses: (query: Page & { call?: string } = {}) =>
      get<LoggedAccessPage>('/v1/audit/accesses', query),
    requestErasure: (body: RequestErasure) => post<Erasure>('/v1/audit/erasures', body),
    getErasure: (id: string) => get<Erasure>(`/v1/audit/erasures/${segment(id)}`),
    listErasures: (query: Page = {}) => get<ErasurePage>('/v1/audit/erasures', query),
    getRetention: () => get<Retention>('/v1/audit/retention'),
    setRetention: (body: SetRetention) => post<Retention>('/v1/audit/retention', body),
    /** Announces it; what is deleted follows within minutes. Asked again, it is tried again. */
    deleteShard: (body: DeleteShard) => post<ShardDeletion>('/v1/audit/shard-deletions', body),
    placeLegalHold: (body: PlaceLegalHold) => post<LegalHold>('/v1/audit/legal-holds', body),
    listLegalHolds: (query: Page = {}) => get<LegalHoldPage>('/v1/audit/legal-holds', query),
    releaseLegalHold: (id: string) =>
      post<LegalHold>(`/v1/audit/legal-holds/${segment(id)}/release`, {}),
  }
}

function pactOperations(
  get: Requester['get'],
  post: Requester['post'],
  slow: { timeoutMs: number },
) {
  return {
    /** Nothing is stored. */
    checkPact: (body: CheckPact) => post<PactCheck>('/v1/pacts/check', body, slow),
    /** One page: give `next` as `after` until it is null. */
    replayPact: (body: ReplayPact) => post<ReplayedPage>('/v1/pacts/replay', body, slow),
    /** The decision of a call, taken again with what each rule read. */
    explainCall: (id: string) => get<ExplainedDecision>(`/v1/calls/${segment(id)}/decision`),
  }
}

function publicKeys(agent: string): string {
  return `/v1/agents/${segment(agent)}/public-keys`
}

function segment(text: string): string {
  return encodeURIComponent(text)
}
