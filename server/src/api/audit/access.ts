// What an operator reads is written to the log before it is shown.
import { AirworthyError } from '../../core/errors.ts'
import type { Role } from '../../core/identity/roles.ts'
import { reasonCharactersMax } from '../../core/audit/reason.ts'
import { type AccessKind, recordAccess } from '../../store/audit/accesses.ts'
import type { ApiDependencies, PayloadReader } from '../dependencies.ts'

/** Who reads, by which operation, and why. */
export type Reading = {
  readonly operatorId: string
  readonly role: Role
  readonly operation: string
  readonly isOfMany: boolean
  readonly reason: string
}

/** Percent-encoded UTF-8, because a header holds no other letters. */
export const reasonHeader = 'airworthy-reason'

/** Throws `request.invalid` when the header cannot be read, or is too long. */
export function parseReason(header: string | readonly string[] | undefined): string {
  if (header === undefined) return ''
  const refused = new AirworthyError(
    'request.invalid',
    `${reasonHeader}: expected percent-encoded text of at most ${reasonCharactersMax} characters`,
  )
  if (typeof header !== 'string') throw refused
  let reason: string
  try {
    reason = decodeURIComponent(header).trim()
  } catch {
    throw refused
  }
  if (reason.length > reasonCharactersMax || reason.includes('\u0000')) throw refused
  return reason
}

/**
 * The payloads as one request may read them: the access is in the log before the first byte is
 * opened. An operation over many calls writes one entry. An auditor must say why.
 */
export function loggedPayloads(dependencies: ApiDependencies, reading: Reading): PayloadReader {
  const { payloads } = dependencies
  const written = new Map<string, Promise<void>>()
  const { operation, operatorId, reason } = reading
  return {
    open: async (callId, part) => {
      if (reading.role === 'auditor' && reason === '') throw reasonMissing()
      const key = reading.isOfMany ? '' : callId
      let access = written.get(key)
      if (access === undefined) {
        const call = reading.isOfMany ? {} : { callId }
        access = recordAccess(dependencies.db, dependencies.organisationId, {
          kind: 'payload',
          operatorId,
          operation,
          ...call,
          reason,
        })
        written.set(key, access)
      }
      await access
      return payloads.open(callId, part)
    },
  }
}

/** Opens the payloads of the calls that it was made for, and of no others. */
export type PageOpener = (page: {
  readonly sessionId: string
  readonly callIds: readonly string[]
}) => Promise<PayloadReader>

/** Writes one entry that names all calls of a page, then opens them. An auditor must say why. */
export function loggedPages(dependencies: ApiDependencies, reading: Reading): PageOpener {
  const { db, organisationId, payloads } = dependencies
  const { operation, operatorId, reason } = reading
  return async (page) => {
    if (reading.role === 'auditor' && reason === '') throw reasonMissing()
    if (page.callIds.length > 0) {
      const access = { kind: 'payload', operatorId, operation, page, reason } as const
      await recordAccess(db, organisationId, access)
    }
    const named = new Set(page.callIds)
    return {
      open: async (callId, part) => {
        if (!named.has(callId)) throw new Error('the entry of the access does not name the call')
        return payloads.open(callId, part)
      },
    }
  }
}

function reasonMissing(): AirworthyError {
  return new AirworthyError(
    'access.reason_missing',
    `an auditor reads payloads for a reason: give it in the header ${reasonHeader}`,
  )
}

// A reader of the log asks page after page; one entry a minute says so.
const againAfterMs = 60_000
const readersMax = 10_000

/** Writes that the log is read, at most once a minute for each operator and kind. */
export class LogAccesses {
  readonly #dependencies: Pick<ApiDependencies, 'db' | 'organisationId'>
  readonly #writtenAtMs = new Map<string, number>()

  constructor(dependencies: Pick<ApiDependencies, 'db' | 'organisationId'>) {
    this.#dependencies = dependencies
  }

  /** Resolves when the access is in the log. */
  async record(kind: AccessKind, reading: Reading): Promise<void> {
    const { operatorId, operation, reason } = reading
    const key = `${kind} ${operatorId} ${reason}`
    const nowMs = performance.now()
    const before = this.#writtenAtMs.get(key)
    if (before !== undefined && nowMs - before < againAfterMs) return
    const { db, organisationId } = this.#dependencies
    await recordAccess(db, organisationId, { kind, operatorId, operation, reason })
    if (this.#writtenAtMs.size >= readersMax) this.#writtenAtMs.clear()
    this.#writtenAtMs.set(key, nowMs)
  }
}
