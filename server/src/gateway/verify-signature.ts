// Signatures of requests (RFC 9421): one that is there must be right, whether it was asked for or
// not. A request is checked once, however many parts of the gateway ask who sent it.
import { hash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { AirworthyError } from '../core/errors.ts'
import {
  checkRequestProfile,
  type ClaimedSignature,
  isNonce,
  requestTag,
  skewSeconds,
} from '../core/http-signatures/request-profile.ts'
import { buildSignatureBase, type RequestMessage } from '../core/http-signatures/signature-base.ts'
import { type MessageSignature, readSignature } from '../core/http-signatures/signature-fields.ts'
import {
  algorithmNames,
  isSignedBy,
  type VerifyingKey,
  verifyingKeyOf,
} from '../core/http-signatures/verifying-key.ts'
import type { OrganisationId } from '../core/ids.ts'
import { findAgentKey, hasAgentKey } from '../store/identity/agent-keys.ts'
import type { Database } from '../store/database.ts'
import { NonceStore } from '../store/identity/nonces.ts'
import type { KeyHolder } from '../store/principals.ts'
import { expectDigest } from './http/body-check.ts'
import { expectOnce, isOwnAuthority, messageOf } from './http/request-message.ts'

type Exchange = {
  readonly request: IncomingMessage
  readonly message: RequestMessage
  /** Once its signature was read; it need not be right. */
  claim: { readonly label: string; readonly nonce: string } | undefined
  verified: Promise<string | undefined> | undefined
}

const keysCachedMax = 20_000
/** So long an agent that has no signing key is believed to have none still. */
const noKeyMs = 1000

export class RequestSignatures implements AsyncDisposable {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #authorities: ReadonlySet<string>
  readonly #nonces: NonceStore
  readonly #exchanges = new WeakMap<IncomingHttpHeaders, Exchange>()
  /** By agent and thumbprint. That a key is revoked is found out with each nonce. */
  readonly #keys = new Map<string, VerifyingKey>()
  readonly #hasKey = new Map<string, { readonly answer: Promise<boolean>; untilMs: number }>()

  constructor(options: {
    db: Database
    databaseUrl: string
    organisationId: OrganisationId
    /** Beside the addresses that requests arrive at. */
    authorities: ReadonlySet<string>
  }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#authorities = options.authorities
    this.#nonces = new NonceStore(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nonces[Symbol.asyncDispose]()
  }

  /** Must come before `verify`: a signature covers more than the fields. */
  register(request: IncomingMessage): Exchange {
    const exchange = { request, message: messageOf(request), claim: undefined, verified: undefined }
    this.#exchanges.set(request.headers, exchange)
    return exchange
  }

  /**
   * SHA-256 (base64url) over the signature base and the signature; undefined where the request is
   * not signed. Throws `signature.*`, `gateway.overloaded`, `database.unreachable` or
   * `log.unavailable`.
   */
  verify(headers: IncomingHttpHeaders, holder: KeyHolder): Promise<string | undefined> | undefined {
    const exchange = this.#exchanges.get(headers)
    if (exchange?.verified !== undefined) return exchange.verified
    const signature = readSignature(
      { input: textOf(headers, 'signature-input'), signature: textOf(headers, 'signature') },
      requestTag,
    )
    if (signature === undefined || exchange === undefined) return undefined
    exchange.verified = this.#verify(exchange, signature, holder)
    return exchange.verified
  }

  /** Whether the agent has, or had, a signing key; of a first one it is known after a second. */
  hasKey(agentId: string): Promise<boolean> {
    const known = this.#hasKey.get(agentId)
    if (known !== undefined && performance.now() < known.untilMs) return known.answer
    const answer = hasAgentKey(this.#db, this.#organisationId, agentId)
    const asked = { answer, untilMs: performance.now() + noKeyMs }
    if (this.#hasKey.size >= keysCachedMax) this.#hasKey.clear()
    this.#hasKey.set(agentId, asked)
    return this.#keepAnswer(agentId, asked)
  }

  /** A key that was there once is never forgotten; a question that failed is asked again. */
  async #keepAnswer(
    agentId: string,
    asked: { readonly answer: Promise<boolean>; untilMs: number },
  ): Promise<boolean> {
    try {
      const has = await asked.answer
      if (has) asked.untilMs = Infinity
      return has
    } catch (thrown) {
      this.#hasKey.delete(agentId)
      throw thrown
    }
  }

  async #verify(
    exchange: Exchange,
    signature: MessageSignature,
    holder: KeyHolder,
  ): Promise<string> {
    const { request, message } = exchange
    const { label, nonce = '' } = signature
    // The reply repeats it, signed: what is no nonce would write parameters of its own there.
    exchange.claim = { label, nonce: isNonce(nonce) ? nonce : '' }
    expectOnce(request)
    const claimed = checkRequestProfile(signature, {
      fieldNames: Object.keys(request.headers),
      nowMs: Date.now(),
    })
    if (!isOwnAuthority(request, message.authority, this.#authorities)) {
      const text = `the request is for ${message.authority}, which this gateway is not`
      throw new AirworthyError('signature.wrong_host', text)
    }
    const key = await this.#findKey(claimed.keyId, holder)
    const { algorithm } = signature
    const base = buildSignatureBase(signature, { request: message })
    const isNamed = algorithm === undefined || algorithm === algorithmNames[key.algorithm]
    if (!isNamed || !isSignedBy(key, base, signature.signature)) {
      throw new AirworthyError('signature.invalid', 'the signature does not fit the request')
    }
    expectDigest(request, message.field('content-digest'))
    await this.#rememberNonce(claimed, holder)
    return hash('sha256', `${base}\n${signature.signature.toString('base64')}`, 'base64url')
  }

  async #findKey(thumbprint: string, holder: KeyHolder): Promise<VerifyingKey> {
    if (holder.thumbprint !== undefined && holder.thumbprint !== thumbprint) throw unknownKey()
    const { agentId } = holder
    const cacheKey = `${agentId} ${thumbprint}`
    const known = this.#keys.get(cacheKey)
    if (known !== undefined) return known
    const found = await findAgentKey(this.#db, this.#organisationId, thumbprint)
    if (found?.agentId !== agentId) throw unknownKey()
    const key = verifyingKeyOf(found.key)
    if (this.#keys.size >= keysCachedMax) this.#keys.clear()
    this.#keys.set(cacheKey, key)
    return key
  }

  async #rememberNonce(claimed: ClaimedSignature, { agentId }: KeyHolder): Promise<void> {
    const { keyId: thumbprint, nonce } = claimed
    const answer = await this.#nonces.remember({
      agentId,
      thumbprint,
      nonce: hash('sha256', `${thumbprint} ${nonce}`, 'buffer'),
      expiresAtMs: claimed.expiresAtMs + skewSeconds * 1000,
    })
    if (answer === 'revoked') throw unknownKey()
    if (answer === 'new') return
    throw new AirworthyError('signature.replayed', 'the nonce of this signature came before')
  }
}

function unknownKey(): AirworthyError {
  const message = 'the signing key is not bound to the API key, or it is revoked'
  return new AirworthyError('signature.key_unknown', message)
}

function textOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}
