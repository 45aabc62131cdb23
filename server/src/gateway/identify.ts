// Step 1 of the life of a call: API key and session key to who calls. Unknown: 401.
import type { IncomingHttpHeaders } from 'node:http'
import { headers } from '@airworthy/sdk'
import { AirworthyError } from '../core/errors.ts'
import { hasScope, keyKindOf } from '../core/identity/key.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { KillSubject } from '../core/kill/kill.ts'
import type { CompiledLimit, CompiledPact } from '../core/pact/compiled.ts'
import { narrowLimit } from '../core/pact/prices.ts'
import type { Database } from '../store/database.ts'
import { isKeyLive } from '../store/identity/keys.ts'
import { keyTrustedMs } from '../store/audit/payloads.ts'
import {
  findKeyHolder,
  findOrOpenDefaultSession,
  findSessionByKey,
  type KeyHolder,
  type SessionOfKey,
} from '../store/principals.ts'
import type { Principal } from '../store/recorder/types.ts'
import type { PactCache } from './pacts.ts'
import type { RequestSignatures } from './verify-signature.ts'

const cachedMax = 20_000

type KnownSession = { readonly session: SessionOfKey; readonly untilMs: number }

/** What of the gateway a request asks for. */
export type KeyUse = 'models' | 'tools'

/** Throws `kill.active`; rejects with `gateway.lease_ended` after a moment without a lease. */
export type Admit = (subject: KillSubject) => Promise<void> | undefined

export class Identifier {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #pacts: PactCache
  readonly #signatures: RequestSignatures
  readonly #admit: Admit
  /** By key. Revocation and closing are checked under the lock; what is kept here never changes, but for the name of a person. */
  readonly #holders = new Map<string, KeyHolder>()
  readonly #sessions = new Map<string, KnownSession>()
  /** Of the key that used the session last. */
  readonly #principals = new WeakMap<SessionOfKey, Principal>()

  constructor(options: {
    db: Database
    organisationId: OrganisationId
    pacts: PactCache
    signatures: RequestSignatures
    admit: Admit
  }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#pacts = options.pacts
    this.#signatures = options.signatures
    this.#admit = options.admit
  }

  /** Throws `auth.*`, `signature.*`, `session.unknown`; `kill.active` and `gateway.lease_ended`. */
  async identify(
    requestHeaders: IncomingHttpHeaders,
    pathKey?: string,
    use?: KeyUse,
  ): Promise<Principal> {
    const apiKey = readApiKey(requestHeaders)
    const holder = this.#holders.get(apiKey) ?? (await this.#findHolder(apiKey))
    if (use !== undefined) checkScope(holder, use)
    const sessionKey = pathKey ?? readHeader(requestHeaders, headers.session)
    const cacheKey = sessionKey ?? apiKey
    const known = this.#sessions.get(cacheKey)
    const session =
      known !== undefined && performance.now() < known.untilMs
        ? known.session
        : await this.#findSession(cacheKey, holder, sessionKey)
    if (session.agentId !== holder.agentId) {
      throw new AirworthyError('session.unknown', 'the session key is not known to this agent')
    }
    const principal = this.#principalOf(session, holder)
    const admitted = this.#admit(principal)
    if (admitted !== undefined) await admitted
    const signature = await this.#signatures.verify(requestHeaders, holder)
    if (signature !== undefined) return { ...principal, signature }
    await this.#checkUnsigned(session, holder)
    return principal
  }

  /** A bound key is worth nothing alone. Throws `signature.missing`. */
  async #checkUnsigned(session: SessionOfKey, holder: KeyHolder): Promise<void> {
    if (holder.thumbprint === undefined) {
      const { signature } = (await this.#pacts.active(session)).pact
      if (signature === 'optional') return
      const isNeeded = signature === 'required' || (await this.#signatures.hasKey(holder.agentId))
      if (!isNeeded) return
    }
    const message = 'this agent signs its requests; docs/guides/signing.md says how'
    throw new AirworthyError('signature.missing', message)
  }

  #principalOf(session: SessionOfKey, holder: KeyHolder): Principal {
    const known = this.#principals.get(session)
    if (known?.apiKeyId === holder.apiKeyId) return known
    const principal = { ...session, ...holder }
    this.#principals.set(session, principal)
    return principal
  }

  /** For what lists and decides nothing, so that no lock is taken. Throws `auth.revoked_key`. */
  async identifyForList(
    requestHeaders: IncomingHttpHeaders,
    pathKey?: string,
    use?: KeyUse,
  ): Promise<Principal> {
    const principal = await this.identify(requestHeaders, pathKey, use)
    if (await isKeyLive(this.#db, this.#organisationId, principal.apiKeyId)) return principal
    throw new AirworthyError('auth.revoked_key', 'the API key was revoked or has expired')
  }

  async #findHolder(apiKey: string): Promise<KeyHolder> {
    const holder = await findKeyHolder(this.#db, this.#organisationId, apiKey)
    if (holder === undefined) {
      throw new AirworthyError('auth.unknown_key', 'the API key is not known')
    }
    if (this.#holders.size >= cachedMax) this.#holders.clear()
    this.#holders.set(apiKey, holder)
    return holder
  }

  async #findSession(
    cacheKey: string,
    holder: KeyHolder,
    sessionKey: string | undefined,
  ): Promise<SessionOfKey> {
    const found =
      sessionKey === undefined
        ? await findOrOpenDefaultSession(this.#db, this.#organisationId, {
            holder,
            limitsOf: async (pactId) => defaultLimits((await this.#pacts.get(pactId)).pact),
          })
        : await this.#findNamed(sessionKey)
    const known = this.#sessions.get(cacheKey)?.session
    const session = known?.endUser === found.endUser ? known : found
    // Nobody is named by a default session; another's person may be erased.
    const untilMs = sessionKey === undefined ? Infinity : performance.now() + keyTrustedMs
    if (this.#sessions.size >= cachedMax) this.#sessions.clear()
    this.#sessions.set(cacheKey, { session, untilMs })
    return session
  }

  async #findNamed(sessionKey: string): Promise<SessionOfKey> {
    const session =
      keyKindOf(sessionKey) === 'session'
        ? await findSessionByKey(this.#db, this.#organisationId, sessionKey)
        : undefined
    if (session === undefined) {
      throw new AirworthyError('session.unknown', 'the session key is not known to this agent')
    }
    return session
  }
}

function defaultLimits({ limits, tasks, defaultTask }: CompiledPact): CompiledLimit {
  const task = defaultTask === undefined ? undefined : tasks?.get(defaultTask)
  return task === undefined
    ? limits.defaultSession
    : narrowLimit(limits.defaultSession, task.limits)
}

function checkScope({ scopes }: KeyHolder, use: KeyUse): void {
  if (hasScope(scopes, use)) return
  throw new AirworthyError('auth.forbidden', `the API key is not for ${use} (its scopes)`)
}

function readApiKey(requestHeaders: IncomingHttpHeaders): string {
  const { authorization } = requestHeaders
  // Anthropic clients send their key in a header of its own.
  const key = authorization?.startsWith('Bearer ')
    ? authorization.slice(7).trim()
    : readHeader(requestHeaders, 'x-api-key')
  if (key === undefined || key === '') {
    const message = 'send the agent API key as `authorization: Bearer awk_...`'
    throw new AirworthyError('auth.missing', message)
  }
  const kind = keyKindOf(key)
  if (kind === 'operator' || kind === 'launcher') {
    const message = 'an operator key opens the control API; the gateway takes agent API keys'
    throw new AirworthyError('auth.forbidden', message)
  }
  if (kind !== 'agent') throw new AirworthyError('auth.unknown_key', 'the API key is not known')
  return key
}

function readHeader(requestHeaders: IncomingHttpHeaders, name: string): string | undefined {
  const value = requestHeaders[name]
  return Array.isArray(value) ? value[0] : value
}
