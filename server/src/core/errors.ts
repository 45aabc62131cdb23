// The one table of error codes. Each code has a page in docs/errors/<code>.md; a test keeps them equal.
// Codes are stable: clients may branch on them. The public message never holds secrets or SQL.

type ErrorRow = { readonly status: number; readonly title: string }

export const errorTable = {
  'auth.missing': { status: 401, title: 'No API key was sent' },
  'auth.unknown_key': { status: 401, title: 'The API key is not known' },
  'auth.revoked_key': { status: 401, title: 'The API key was revoked or has expired' },
  'auth.forbidden': { status: 403, title: 'The key may not do this' },
  'auth.agent_key_refused': { status: 403, title: 'Agent keys cannot use the control API' },
  'signature.missing': { status: 401, title: 'The request must be signed' },
  'signature.malformed': { status: 400, title: 'The signature cannot be read' },
  'signature.component_unknown': {
    status: 400,
    title: 'The signature covers something that is not known',
  },
  'signature.incomplete': { status: 401, title: 'The signature does not cover what it must' },
  'signature.key_unknown': { status: 401, title: 'The signing key is not one of the agent' },
  'signature.invalid': { status: 401, title: 'The signature does not fit the request' },
  'signature.stale': { status: 401, title: 'The signature is too old, or of the future' },
  'signature.replayed': { status: 401, title: 'The signed request came before' },
  'signature.wrong_host': { status: 401, title: 'The signature is for another host' },
  'signature.digest_mismatch': { status: 401, title: 'The body is not the one that was signed' },
  'session.unknown': { status: 401, title: 'The session key is not known to this agent' },
  'session.closed': { status: 409, title: 'The session is closed' },
  'session.handed_over': { status: 409, title: 'The session is with a person' },
  'handover.unknown': { status: 404, title: 'There is no such handover' },
  'handover.settled': { status: 409, title: 'The handover is over' },
  'handover.not_taken': { status: 409, title: 'The handover is not yours' },
  'handover.taken': { status: 409, title: 'Another person has the handover' },
  'handover.too_many': { status: 429, title: 'The handover has too many messages' },
  'task.unknown': { status: 400, title: 'The session names no task of the pact' },
  'task.forbidden': { status: 403, title: 'The call lies outside the task of the session' },
  'scope.invalid': { status: 400, title: 'The data scopes of the session are not as declared' },
  'flow.closed': { status: 403, title: 'The session may only read' },
  'loop.identical': { status: 429, title: 'The same call was made too often' },
  'loop.oscillation': { status: 429, title: 'The same few calls were made in turn too often' },
  'loop.steps': { status: 429, title: 'The session has had all its steps' },
  'request.invalid': { status: 400, title: 'The request is not valid' },
  'request.invalid_json': { status: 400, title: 'The body is not valid JSON' },
  'request.number_unsafe': { status: 400, title: 'A number cannot be represented exactly' },
  'request.unsupported': { status: 400, title: 'The gateway does not serve this' },
  'request.untranslatable': { status: 400, title: 'The model cannot be asked this in its own API' },
  'request.too_large': { status: 413, title: 'The body is too large' },
  'request.unsupported_media': { status: 415, title: 'The content type is not supported' },
  'request.not_found': { status: 404, title: 'There is nothing at this address' },
  'request.method_not_allowed': { status: 405, title: 'The method is not allowed here' },
  'request.origin_refused': { status: 403, title: 'Web pages of this origin may not ask' },
  'request.not_awaited': { status: 409, title: 'Nobody waits for this answer' },
  'client.closed': { status: 499, title: 'The client went away' },
  'request.timeout': { status: 408, title: 'The request was not sent in time' },
  'gateway.overloaded': { status: 429, title: 'Too many calls are waiting' },
  'gateway.interrupted': { status: 502, title: 'The gateway stopped in the middle of the call' },
  'gateway.stopping': { status: 503, title: 'The gateway is stopping' },
  'model.unknown': { status: 404, title: 'The model is not enrolled for this agent' },
  'model.price_unknown': { status: 403, title: 'The model has no price' },
  'price.invalid': { status: 422, title: 'The prices are not valid' },
  'price.unknown': { status: 404, title: 'There is no such price' },
  'usage.file_invalid': { status: 422, title: 'The usage file cannot be read' },
  'tool.unknown': { status: 404, title: 'The tool is not enrolled for this agent' },
  'tool.server_unknown': { status: 404, title: 'The tool server is not enrolled for this agent' },
  'tool.arguments_invalid': { status: 400, title: 'The arguments do not match the tool schema' },
  'tool.result_invalid': { status: 502, title: 'The result does not match the tool schema' },
  'tool.not_provable': { status: 422, title: 'The undo of the tool cannot be proved' },
  'tool.drift': { status: 409, title: 'The tool is not as it was enrolled' },
  'policy.denied': { status: 403, title: 'The pact denies this call' },
  'policy.rule_error': { status: 403, title: 'A rule could not be evaluated' },
  'policy.reply_denied': { status: 403, title: 'The reply calls a tool outside the pact' },
  'budget.exceeded': { status: 429, title: 'A budget would be exceeded' },
  'budget.unknown': { status: 404, title: 'There is no such budget' },
  'budget.scope_fixed': { status: 409, title: 'The budget of this name is for somebody else' },
  'budget.too_many': { status: 409, title: 'There are too many budgets' },
  'call.held': { status: 409, title: 'The call waits for a person' },
  'call.unknown': { status: 404, title: 'There is no such call' },
  'hold.unknown': { status: 404, title: 'There is no such hold' },
  'hold.settled': { status: 409, title: 'The hold was decided before' },
  'hold.expired': { status: 409, title: 'The hold has expired' },
  'hold.stale': { status: 409, title: 'The approval does not fit any more' },
  'hold.rejected': { status: 403, title: 'The call was held, and refused or expired' },
  'taint.trifecta': {
    status: 403,
    title: 'Private data could leave at the word of untrusted content',
  },
  'effect.in_flight': { status: 409, title: 'The same effect is in flight' },
  'effect.unknown': { status: 409, title: 'The outcome of the same effect is unknown' },
  'effect.key_reused': { status: 409, title: 'The effect key was used with other arguments' },
  'effect.not_undoable': { status: 409, title: 'The effect cannot be undone' },
  'effect.blocked': { status: 409, title: 'The same thing is being changed by another call' },
  'effect.undo_expired': { status: 409, title: 'The time to undo the effect is over' },
  'effect.undo_blocked': { status: 409, title: 'A later effect touched the same thing' },
  'effect.postcondition_failed': { status: 502, title: 'The call did not do what it should' },
  'run.closed': { status: 409, title: 'The run takes no more calls' },
  'run.deferred': { status: 409, title: 'The call waits until its run is completed' },
  'run.unfinished': { status: 409, title: 'Steps of the run are not at their end' },
  'run.exists': { status: 409, title: 'The session has a run of this name' },
  'run.too_many': { status: 429, title: 'The session has too many runs' },
  'run.unknown': { status: 404, title: 'There is no such run' },
  'drift.held': { status: 409, title: 'The prompt or the tools are not as enrolled' },
  'upstream.unreachable': { status: 502, title: 'The upstream cannot be reached' },
  'openapi.document_invalid': { status: 422, title: 'The OpenAPI document cannot be served' },
  'upstream.address_forbidden': {
    status: 422,
    title: "The upstream's address may not be called",
  },
  'upstream.timeout': { status: 504, title: 'The upstream did not answer in time' },
  'upstream.invalid': { status: 502, title: 'The upstream answered something that cannot be read' },
  'upstream.refused': { status: 502, title: 'The upstream answered an error of its own' },
  'upstream.interrupted': {
    status: 502,
    title: 'The upstream stopped in the middle of its answer',
  },
  'sql.refused': { status: 400, title: 'The database refuses the statement' },
  'sql.not_permitted': { status: 403, title: 'The query goes beyond what it may read or call' },
  'sql.limit_exceeded': { status: 400, title: 'The statement passed one of its limits' },
  'sql.statement_invalid': { status: 422, title: 'The database refuses a declared statement' },
  'sql.role_unsafe': { status: 422, title: 'The role of the query may do more than read' },
  'log.unavailable': { status: 503, title: 'The log cannot be written, so nothing may happen' },
  'log.storage': { status: 503, title: 'The store of the log cannot be read or written' },
  'log.forked': { status: 500, title: 'The log is not the one that was signed before' },
  'log.not_published': { status: 409, title: 'The entry is not in a signed checkpoint yet' },
  'log.shard_kept': { status: 409, title: 'The shard of the log may not be deleted' },
  'log.shard_deleted': { status: 410, title: 'The shard of the log was deleted' },
  'proposal.unknown': { status: 404, title: 'There is no such proposal' },
  'proposal.expired': { status: 409, title: 'The proposal waited too long' },
  'proposal.settled': { status: 409, title: 'The proposal is decided already' },
  'proposal.same_person': { status: 403, title: 'It takes a second person' },
  'proposal.too_many': { status: 429, title: 'Too many proposals wait' },
  'agent.unknown': { status: 404, title: 'There is no such agent' },
  'manifest.invalid': { status: 422, title: 'The manifest is not valid' },
  'manifest.tool_server_unreachable': { status: 422, title: 'A tool server does not answer' },
  'identity.key_unsafe': { status: 422, title: 'The public key is not safe to enrol' },
  'identity.key_invalid': { status: 400, title: 'The public key cannot be read' },
  'identity.key_taken': { status: 409, title: 'The public key was enrolled before' },
  'identity.did_invalid': { status: 400, title: 'The DID cannot be read' },
  'identity.did_unresolvable': { status: 422, title: 'The DID cannot be resolved' },
  'identity.deactivated': { status: 409, title: 'The identity is deactivated' },
  'identity.rotation_refused': { status: 409, title: 'The keys do not fit what was committed to' },
  'identity.signer_failed': { status: 503, title: 'The signer did not sign' },
  'identity.keystore': { status: 500, title: 'The keystore cannot be opened' },
  'access.reason_missing': { status: 400, title: 'Payloads are read for a reason' },
  'audit.too_broad': { status: 400, title: 'The search reads too much' },
  'audit.range_invalid': { status: 400, title: 'The log cannot be exported in this range' },
  'erasure.legal_hold': { status: 409, title: 'A legal hold forbids the erasure' },
  'erasure.in_use': { status: 409, title: 'The subject still has open sessions, holds or calls' },
  'erasure.unknown': { status: 404, title: 'There is no such erasure' },
  'cache.unknown': { status: 404, title: 'There is no such semantic cache' },
  'cache.pair_unknown': { status: 404, title: 'There is no such pair' },
  'cache.evidence_missing': {
    status: 409,
    title: 'There is not enough evidence to let the semantic cache answer',
  },
  'legal_hold.unknown': { status: 404, title: 'There is no such legal hold' },
  'database.unreachable': { status: 503, title: 'PostgreSQL cannot be reached' },
  'database.too_old': { status: 500, title: 'PostgreSQL is older than 15' },
  'database.foreign_schema': { status: 500, title: 'The schema belongs to something else' },
  'database.migration_failed': { status: 500, title: 'A migration could not be applied' },
  'database.embedded_failed': { status: 500, title: 'The embedded PostgreSQL did not start' },
  'start.config_invalid': { status: 500, title: 'A setting is not valid' },
  'start.port_in_use': { status: 500, title: 'The port is in use' },
  'start.directory_unwritable': { status: 500, title: 'The data directory cannot be written' },
  'start.disk_full': { status: 500, title: 'The disk is full' },
  'start.master_key': {
    status: 500,
    title: 'The master key is missing or is not the one of this data',
  },
  'start.wrong_node': { status: 500, title: 'This Node.js is too old' },
  'start.already_running': { status: 500, title: 'Another server uses this data directory' },
  'internal.unexpected': { status: 500, title: 'Something went wrong inside Airworthy' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

/** A broken world or a refused request. `message` is public; `detail` is public and structured. */
export class AirworthyError extends Error {
  override readonly name = 'AirworthyError'
  readonly code: ErrorCode
  readonly detail: Readonly<Record<string, unknown>> | undefined

  constructor(
    code: ErrorCode,
    publicMessage: string,
    options: { cause?: unknown; detail?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(publicMessage, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.detail = options.detail
  }
}

/** The HTTP status of a code. The only place that maps one to the other. */
export function statusOf(code: ErrorCode): number {
  return errorTable[code].status
}

/** Turns anything thrown into an AirworthyError; an unexpected one keeps its cause and hides its text. */
export function asAirworthyError(thrown: unknown): AirworthyError {
  if (thrown instanceof AirworthyError) return thrown
  return new AirworthyError('internal.unexpected', errorTable['internal.unexpected'].title, {
    cause: thrown,
  })
}
