// The file that holds an agent's private key: a JWK, or PKCS #8 in PEM as `openssl genpkey` writes.
import { createPrivateKey } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { generateSigningKey, type PrivateJwk, type PublicJwk } from '@airworthy/sdk'
import { z } from 'zod'
import { UsageError } from '../failure.ts'

const ownerOnly = 0o600
const fileBytesMax = 64 * 1024
const part = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const okp = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: part })
const ec = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: part, y: part })
const privateSchema = z.discriminatedUnion('kty', [okp.extend({ d: part }), ec.extend({ d: part })])
const publicSchema = z.discriminatedUnion('kty', [okp, ec])

/** Throws UsageError for a file that is missing, is no key, or is readable by others. */
export async function readPrivateKey(file: string): Promise<PrivateJwk> {
  const text = await readText(file)
  const { mode } = await stat(file)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new UsageError(`${file} can be read by others; it must be yours alone (chmod 600)`)
  }
  const parsed = privateSchema.safeParse(text.includes('-----BEGIN') ? jwkOfPem(text) : parse(text))
  if (parsed.success) return parsed.data
  throw new UsageError(`${file} holds no private key of Ed25519 or P-256, as JWK or PEM`)
}

/** Makes the key; a file that is there already is not written over. */
export async function makePrivateKey(file: string): Promise<PublicJwk> {
  const { privateJwk, publicJwk } = await generateSigningKey()
  try {
    const text = `${JSON.stringify(privateJwk)}\n`
    await writeFile(file, text, { mode: ownerOnly, flag: 'wx' })
  } catch (cause) {
    throw new UsageError(`${file} cannot be written, or is there already`, { cause })
  }
  return publicJwk
}

/** One public JWK, or a JWK Set, such as the gateway's directory of keys. */
export async function readPublicKeys(file: string): Promise<PublicJwk[]> {
  const value = parse(await readText(file))
  const set = z.object({ keys: z.array(publicSchema).min(1).max(20) }).safeParse(value)
  if (set.success) return set.data.keys
  const one = publicSchema.safeParse(value)
  if (one.success) return [one.data]
  throw new UsageError(`${file} holds no public keys of Ed25519 or P-256 as JWK or JWK Set`)
}

export async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > fileBytesMax) throw new UsageError(`${file} is too long`)
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    throw new UsageError(`${file} cannot be read`, { cause })
  }
}

function jwkOfPem(text: string): unknown {
  try {
    return createPrivateKey(text).export({ format: 'jwk' })
  } catch {
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
