// Prompts, arguments and results: sealed under the key of the person they speak of, opened for who
// may read them. The log holds only commitments.
import { createHmac, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { isErasedName } from '../../core/privacy/erased-name.ts'
import { open, seal, sealRandomBytes } from '../../core/privacy/seal.ts'
import type { Database } from '../database.ts'
import type { SealedPayload } from '../recorder/types.ts'

const keysCachedMax = 10_000
const keyBytes = 32
const randomBlockSeals = 128
/** An erasure is done only after no gateway can still hold a key that it destroyed. */
export const keyTrustedMs = 10_000
/** After that an erased person may be served anew: no gateway takes what is old for a return. */
export const settledAfterMs: number = 2 * keyTrustedMs
const generationsMax = 1_000
/** A subject nobody can be: opening its key proves that the master key is the one of this data. */
const checkSubject = '\u0000airworthy'

type KnownKey = { readonly subjectId: Buffer; readonly key: Buffer; readonly untilMs: number }

export class PayloadVault {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #masterKey: Buffer
  readonly #digestKey: Buffer
  readonly #secretKey: Buffer
  readonly #keys = new Map<string, KnownKey>()

  #randomBlock: Buffer = Buffer.alloc(0)
  #randomAt = 0

  constructor(options: { db: Database; organisationId: OrganisationId; masterKey: Buffer }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#masterKey = options.masterKey
    this.#digestKey = createHmac('sha256', options.masterKey).update('digest').digest()
    this.#secretKey = createHmac('sha256', options.masterKey).update('secret').digest()
  }

  /** Throws `start.master_key` when the database was written under another master key. */
  async check(): Promise<void> {
    try {
      let first = await this.#firstWrappedKey()
      if (first === undefined) {
        await this.#keyOf(checkSubject)
        // Read again: of two that start at once under different keys only one is the first.
        first = await this.#firstWrappedKey()
      }
      if (first !== undefined) open(this.#masterKey, first)
    } catch (cause) {
      const message = 'the master key is not the one that this database was written under'
      throw new AirworthyError('start.master_key', message, { cause })
    }
  }

  async #firstWrappedKey(): Promise<Buffer | undefined> {
    const first = await this.#db
      .selectFrom('airworthy.subject_keys')
      .select('wrapped_key')
      .where('organisation_id', '=', this.#organisationId)
      .where('destroyed_at', 'is', null)
      .orderBy('created_at')
      .orderBy('subject_id')
      .limit(1)
      .executeTakeFirst()
    return first?.wrapped_key
  }

  /** Encrypts under the subject's key, which is made at its first use. */
  async seal(subject: string, text: Buffer): Promise<SealedPayload> {
    const cached = this.#keys.get(subject)
    const isTrusted = cached !== undefined && performance.now() < cached.untilMs
    const { subjectId, key } = isTrusted ? cached : await this.#keyOf(subject)
    return { subjectId, ...seal(key, text, this.#random()) }
  }

  /** Seals what no person is the subject of, such as an address that messages are sent to. */
  sealSecret(text: string): Buffer {
    return seal(this.#secretKey, Buffer.from(text), this.#random()).sealed
  }

  /** Throws when it was sealed under another master key, or changed since. */
  openSecret(sealed: Buffer): string {
    return open(this.#secretKey, sealed).text.toString('utf8')
  }

  /** A keyed digest (HMAC-SHA-256, hex): equal texts are recognised, and none can be guessed. */
  digest(text: string | Buffer): string {
    return createHmac('sha256', this.#digestKey).update(text).digest('hex')
  }

  /** 44 random bytes that nobody was given before; drawn in blocks, because each draw is a call. */
  #random(): Buffer {
    if (this.#randomAt + sealRandomBytes > this.#randomBlock.length) {
      this.#randomBlock = randomBytes(sealRandomBytes * randomBlockSeals)
      this.#randomAt = 0
    }
    const start = this.#randomAt
    this.#randomAt += sealRandomBytes
    return this.#randomBlock.subarray(start, this.#randomAt)
  }

  /** The request (part 1) or response (part 2) of a call; undefined when absent or forgotten. */
  async open(callId: string, part: number): Promise<Buffer | undefined> {
    const row = await this.#db
      .selectFrom('airworthy.payloads as p')
      .innerJoin('airworthy.subject_keys as k', (join) =>
        join
          .onRef('k.organisation_id', '=', 'p.organisation_id')
          .onRef('k.subject_id', '=', 'p.subject_id'),
      )
      .select(['p.sealed', 'k.wrapped_key', 'k.destroyed_at'])
      .where('p.organisation_id', '=', this.#organisationId)
      .where('p.call_id', '=', callId)
      .where('p.part', '=', part)
      .executeTakeFirst()
    if (row === undefined || row.destroyed_at !== null) return undefined
    return open(open(this.#masterKey, row.wrapped_key).text, row.sealed).text
  }

  /** Opens bytes by their subjects' keys, as rows bring them; each key is unwrapped once. */
  opener(): (wrappedKey: Buffer, sealed: Buffer) => Buffer {
    const keys = new Map<string, Buffer>()
    return (wrappedKey, sealed) => {
      const name = wrappedKey.toString('latin1')
      const key = keys.get(name) ?? open(this.#masterKey, wrappedKey).text
      if (keys.size < keysCachedMax) keys.set(name, key)
      return open(key, sealed).text
    }
  }

  /**
   * The keyed hashes under which the subject has, or had, a key: one more for each erasure. The first
   * is there for a subject that was never seen, too.
   */
  async subjectIds(subject: string): Promise<readonly [Buffer, ...Buffer[]]> {
    const ids: [Buffer, ...Buffer[]] = [this.#subjectId(subject, 0)]
    for (let generation = 1; generation <= generationsMax; generation += 1) {
      const last = ids.at(-1) ?? ids[0]
      if ((await this.#readKey(last))?.destroyed_at == null) return ids
      ids.push(this.#subjectId(subject, generation))
    }
    return ids
  }

  /** The key of the subject: after an erasure another one, under another id. */
  async #keyOf(subject: string): Promise<KnownKey> {
    if (isErasedName(subject)) return keyOfNobody(this.#subjectId(subject, 0))
    for (let generation = 0; generation <= generationsMax; generation += 1) {
      const subjectId = this.#subjectId(subject, generation)
      const row = (await this.#readKey(subjectId)) ?? (await this.#makeKey(subjectId))
      if (row.isSettling) return keyOfNobody(subjectId)
      if (row.destroyed_at !== null) continue
      const key = open(this.#masterKey, row.wrapped_key).text
      const known = { subjectId, key, untilMs: performance.now() + keyTrustedMs }
      if (this.#keys.size >= keysCachedMax) this.#keys.clear()
      this.#keys.set(subject, known)
      return known
    }
    throw new Error(`a subject was erased more than ${generationsMax} times`)
  }

  #subjectId(subject: string, generation: number): Buffer {
    // The organisation's id has a fixed length, so no subject's name can look like a generation.
    return createHmac('sha256', this.#masterKey)
      .update(this.#organisationId)
      .update(generation === 0 ? '\u0000' : `\u0001${generation}\u0000`)
      .update(subject)
      .digest()
  }

  #readKey(subjectId: Buffer) {
    return this.#db
      .selectFrom('airworthy.subject_keys')
      .select(['wrapped_key', 'destroyed_at'])
      .select(
        sql<boolean | null>`destroyed_at > clock_timestamp()
          - make_interval(secs => ${settledAfterMs / 1000})`.as('isSettling'),
      )
      .where('organisation_id', '=', this.#organisationId)
      .where('subject_id', '=', subjectId)
      .executeTakeFirst()
  }

  async #makeKey(subjectId: Buffer) {
    const fresh = seal(this.#masterKey, randomBytes(keyBytes), randomBytes(sealRandomBytes))
    await this.#db
      .insertInto('airworthy.subject_keys')
      .values({
        organisation_id: this.#organisationId,
        subject_id: subjectId,
        wrapped_key: fresh.sealed,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const row = await this.#readKey(subjectId)
    if (row === undefined) throw new Error('a key that was just made cannot be read')
    return row
  }
}

/**
 * A key that is kept nowhere: a session of an erased person may still be spoken in, and what is said
 * there is committed to, and can be opened by nobody.
 */
function keyOfNobody(subjectId: Buffer): KnownKey {
  return { subjectId, key: randomBytes(keyBytes), untilMs: 0 }
}
