// Keys that sign requests, and public keys that verify replies, by WebCrypto. A key that lives
// elsewhere, in a KMS or an agent's own store, is a `RequestSigner` as well.

/** RFC 8037 or RFC 7518, with the private member. */
export type PrivateJwk =
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string; readonly d: string }
  | {
      readonly kty: 'EC'
      readonly crv: 'P-256'
      readonly x: string
      readonly y: string
      readonly d: string
    }

export type PublicJwk =
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string }

export type RequestSigner = {
  /** RFC 7638 thumbprint (SHA-256, base64url) of the public key: the key's name at the gateway. */
  readonly thumbprint: string
  /** 64 bytes: an Ed25519 signature, or r and s of ECDSA P-256 with SHA-256. */
  readonly sign: (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>
}

/** Makes an Ed25519 key pair. Enrol the public JWK with the agent; keep the private one. */
export async function generateSigningKey(): Promise<{
  privateJwk: PrivateJwk
  publicJwk: PublicJwk
}> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  if (!('privateKey' in pair)) throw new TypeError('this runtime makes no Ed25519 keys')
  const { x, d } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  if (x === undefined || d === undefined) throw new TypeError('the key pair cannot be exported')
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x } as const
  return { privateJwk: { ...publicJwk, d }, publicJwk }
}

/** A signer of a private JWK. Throws TypeError or a DOMException for one that is no such key. */
export async function createSigner(jwk: PrivateJwk): Promise<RequestSigner> {
  const [importing, signing] = algorithmsOf(jwk)
  const key = await crypto.subtle.importKey('jwk', { ...jwk }, importing, false, ['sign'])
  return {
    thumbprint: await thumbprintOf(jwk),
    sign: async (message) => new Uint8Array(await crypto.subtle.sign(signing, key, message)),
  }
}

export type ReplyVerifier = (
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
) => Promise<boolean>

export async function createVerifier(jwk: PublicJwk): Promise<ReplyVerifier> {
  const [importing, signing] = algorithmsOf(jwk)
  const { kty, crv, x } = jwk
  const members = jwk.kty === 'EC' ? { kty, crv, x, y: jwk.y } : { kty, crv, x }
  const key = await crypto.subtle.importKey('jwk', members, importing, false, ['verify'])
  return (message, signature) => crypto.subtle.verify(signing, key, signature, message)
}

function algorithmsOf(jwk: PublicJwk) {
  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const algorithm = jwk.kty === 'OKP' ? { name: 'Ed25519' } : ecdsa
  return [algorithm, algorithm] as const
}

/** RFC 7638, SHA-256, base64url. The members stand in the order that it asks for. */
export async function thumbprintOf(jwk: PublicJwk): Promise<string> {
  const { crv, kty, x } = jwk
  const members = jwk.kty === 'EC' ? { crv, kty, x, y: jwk.y } : { crv, kty, x }
  const bytes = new TextEncoder().encode(JSON.stringify(members))
  const base64 = toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** Throws a DOMException for a text that is not base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0))
}
