// Bearer keys: a prefix that says what the key is for, and 32 random bytes. Only the hash is
// stored; 256 random bits need no slow hash and no salt.
import { hash } from 'node:crypto'

const prefixes = {
  operator: 'awo_',
  launcher: 'awl_',
  agent: 'awk_',
  session: 'aws_',
} as const

/** What an API key may be used for. `call`: everything that the agent may do. */
export const keyScopes = ['call', 'models', 'tools'] as const
export type KeyScope = (typeof keyScopes)[number]

/** Other words are dropped: a scope that is not known here opens nothing. */
export function parseScopes(words: readonly string[]): readonly KeyScope[] {
  return keyScopes.filter((scope) => words.includes(scope))
}

export function hasScope(scopes: readonly KeyScope[], needed: 'models' | 'tools'): boolean {
  return scopes.includes('call') || scopes.includes(needed)
}

export type KeyKind = keyof typeof prefixes

export const keyRandomBytes = 32
const keyPattern = /^aw[olks]_[A-Za-z0-9_-]{43}$/
const kinds: readonly KeyKind[] = ['operator', 'launcher', 'agent', 'session']

/** Writes a key. `random` must be 32 bytes of a cryptographic generator. */
export function formatKey(kind: KeyKind, random: Buffer): string {
  if (random.length !== keyRandomBytes) throw new RangeError('a key needs 32 random bytes')
  return prefixes[kind] + random.toString('base64url')
}

/** What the text claims to be, or undefined when it cannot be a key. Says nothing of validity. */
export function keyKindOf(text: string): KeyKind | undefined {
  if (!keyPattern.test(text)) return undefined
  return kinds.find((kind) => text.startsWith(prefixes[kind]))
}

/** What is stored, and looked up by a unique index: no comparison of secrets takes place. */
export function hashKey(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}

/** What may be shown of a key later: its kind and 36 bits. */
export function keyPrefix(key: string): string {
  return key.slice(0, 10)
}
