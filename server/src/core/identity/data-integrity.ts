// Data Integrity proofs of the suite eddsa-jcs-2022: Ed25519 over SHA-256(JCS(proof without its
// value)) and SHA-256(JCS(document)). https://www.w3.org/TR/vc-di-eddsa/
import { canonicalJson, sha256 } from '../canonical.ts'
import { AirworthyError } from '../errors.ts'
import { decodeBase58, encodeBase58 } from './base58.ts'
import { ed25519SignatureBytes, verifyEd25519 } from './ed25519.ts'
import { type PublicKey, publicKeyObject } from './public-key.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export type ProofOptions = {
  readonly '@context'?: unknown
  readonly type: 'DataIntegrityProof'
  readonly cryptosuite: 'eddsa-jcs-2022'
  readonly verificationMethod: string
  /** RFC 3339, UTC. */
  readonly created: string
  readonly proofPurpose: string
}

export type Proof = ProofOptions & { readonly proofValue: string }

/** The 64 bytes that are signed: digest of the options, digest of the document. */
export function proofInput(document: JsonObject, options: JsonObject): Buffer {
  const { proof: _proof, ...unsecured } = document
  const { proofValue: _value, ...config } = options
  return Buffer.concat([sha256(canonicalJson(config)), sha256(canonicalJson(unsecured))])
}

/** The proof of a document; `sign` signs with the key that the verification method names. */
export async function createProof(
  document: JsonObject,
  options: ProofOptions,
  sign: (input: Buffer) => Promise<Buffer>,
): Promise<Proof> {
  const context = document['@context']
  const config = context === undefined ? options : { '@context': context, ...options }
  const signature = await sign(proofInput(document, config))
  return { ...config, proofValue: `z${encodeBase58(signature)}` }
}

/** What a proof says, when it has the form of one. Whether it is right says `isProofValid`. */
export function parseProof(value: unknown): Proof & JsonObject {
  const proof = new Map<string, unknown>(
    typeof value === 'object' && value !== null ? Object.entries(value) : [],
  )
  if (proof.get('type') !== 'DataIntegrityProof')
    throw invalid('the type must be DataIntegrityProof')
  if (proof.get('cryptosuite') !== 'eddsa-jcs-2022') {
    throw invalid('the cryptosuite must be eddsa-jcs-2022')
  }
  const text = (name: string): string => {
    const member = proof.get(name)
    if (typeof member !== 'string') throw invalid(`${name} must be text`)
    return member
  }
  return {
    ...Object.fromEntries(proof),
    type: 'DataIntegrityProof',
    cryptosuite: 'eddsa-jcs-2022',
    verificationMethod: text('verificationMethod'),
    created: proof.get('created') === undefined ? '' : text('created'),
    proofPurpose: text('proofPurpose'),
    proofValue: text('proofValue'),
  }
}

/**
 * Whether the proof, as it was received, is the key's over the document. `proof` must be the
 * received object itself: every member of it is signed, and one more or less changes the digest.
 */
export function isProofValid(options: {
  readonly document: JsonObject
  readonly proof: JsonObject
  readonly key: PublicKey
}): boolean {
  const { document, proof, key } = options
  const { proofValue } = parseProof(proof)
  if (key.algorithm !== 'ed25519' || !proofValue.startsWith('z')) return false
  if (proof['@context'] !== undefined && !hasContextOf(document, proof['@context'])) return false
  const signature = decodeBase58(proofValue.slice(1))
  if (signature?.length !== ed25519SignatureBytes) return false
  return verifyEd25519(publicKeyObject(key), proofInput(document, proof), signature)
}

/** The document's context must begin with what the proof was made for. */
function hasContextOf(document: JsonObject, context: unknown): boolean {
  const own = listed(document['@context'])
  return listed(context).every(
    (each, index) => canonicalJson(each) === canonicalJson(own[index] ?? null),
  )
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}

function invalid(message: string): AirworthyError {
  return new AirworthyError('identity.did_invalid', `the proof cannot be read: ${message}`)
}
