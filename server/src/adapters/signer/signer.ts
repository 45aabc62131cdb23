// Who signs for the organisation: its DIDs, its replies, its log. Keys are named, and only their
// public halves ever leave a signer. There are two: a file on this machine, and a program that
// speaks for an HSM or a KMS.
import { AirworthyError } from '../../core/errors.ts'

export type SigningAlgorithm = 'ed25519' | 'es256' | 'ml-dsa-44'

export type SigningKey = {
  readonly name: string
  readonly algorithm: SigningAlgorithm
  /** Raw: 32 bytes of Ed25519, 1,312 of ML-DSA-44, 65 (SEC 1, uncompressed) of P-256. */
  readonly publicKey: Buffer
}

/** What fails throws `identity.signer_failed`; a key that is asked for by a bad name, RangeError. */
export interface Signer extends AsyncDisposable {
  /** Undefined when there is no key of this name. */
  readonly find: (name: string) => Promise<SigningKey | undefined>
  /** The key of this name, made when there is none. Throws when it is of another algorithm. */
  readonly ensure: (name: string, algorithm: SigningAlgorithm) => Promise<SigningKey>
  /** Raw signature of the message as it is: 64 bytes of Ed25519 and ES256 (r then s), 2,420 of ML-DSA-44. */
  readonly sign: (name: string, message: Uint8Array) => Promise<Buffer>
  /** Forgets a key for good; one that is not there changes nothing. */
  readonly destroy: (name: string) => Promise<void>
}

/** Names of the keys that this release uses. An update key has a generation: it is rotated. */
export const keyNames = {
  /** In the organisation's DID document: certificates, and whatever the organisation asserts. */
  assertion: 'assertion',
  /** Of the gateway: signatures of replies. Published in the signatures directory. */
  responses: 'responses',
  /** Of the log: checkpoints. */
  log: 'log',
  logPostQuantum: 'log-ml-dsa-44',
  /** Of this install as a witness of other logs, and of other DIDs. */
  witness: 'witness',
  /** Authorises one entry of a DID's log. It was committed to by the entry before, and is then spent. */
  update: (subjectId: string, generation: number): string => `update.${subjectId}.${generation}`,
} as const

const namePattern = /^[a-z0-9][a-z0-9.-]{0,63}$/

/** Throws RangeError. A name becomes an argument of a program, so it has no other characters. */
export function assertKeyName(name: string): void {
  if (!namePattern.test(name)) throw new RangeError(`${JSON.stringify(name)} is no key name`)
}

export function signerFailed(message: string, cause?: unknown): AirworthyError {
  return new AirworthyError('identity.signer_failed', message, { cause })
}
