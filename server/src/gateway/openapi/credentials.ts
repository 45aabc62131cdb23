// The secret of an API: put on each request, and taken out of each reply that repeats it.
import { encode, type Pair } from './serialise.ts'
import type { OpenApiServer } from './openapi-server.ts'

export type Credentials = {
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>
  readonly query: readonly Pair[]
  /** Every form in which the secret goes out, the longest first. */
  readonly secrets: readonly string[]
}

/** What a reply has in the place of a secret. */
export const redacted = '[credential removed by Airworthy]'

const none: Credentials = { headers: {}, query: [], secrets: [] }

/** Throws a plain error when the environment lacks the variable, or its value fits no header. */
export function readCredentials(
  auth: OpenApiServer['auth'],
  secretOf: (name: string) => string | undefined,
): Credentials {
  if (auth === undefined) return none
  const secret = secretOf(auth.env)
  if (secret === undefined) throw new Error(`the environment has no ${auth.env}`)
  if (auth.kind !== 'basic' && !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(secret)) {
    throw new Error(`the value of ${auth.env} is not visible ASCII`)
  }
  switch (auth.kind) {
    case 'bearer':
      return { headers: { authorization: `Bearer ${secret}` }, query: [], secrets: formsOf(secret) }
    case 'header': {
      const headers = { [auth.header.toLowerCase()]: `${auth.prefix ?? ''}${secret}` }
      return { headers, query: [], secrets: formsOf(secret) }
    }
    case 'query':
      return { headers: {}, query: [[auth.parameter, secret]], secrets: formsOf(secret) }
    case 'basic':
    default: {
      const pair = auth.username === undefined ? withColon(secret) : `${auth.username}:${secret}`
      const encoded = Buffer.from(pair, 'utf8').toString('base64')
      const password = pair.slice(pair.indexOf(':') + 1)
      const forms = [encoded, pair, secret, password].flatMap((form) => formsOf(form))
      const secrets = longestFirst(forms)
      return { headers: { authorization: `Basic ${encoded}` }, query: [], secrets }
    }
  }
}

/** Some APIs take a key as the user name, and no password. */
function withColon(secret: string): string {
  return secret.includes(':') ? secret : `${secret}:`
}

function formsOf(secret: string): string[] {
  return longestFirst([secret, encode(secret), encodeURIComponent(secret)])
}

function longestFirst(forms: readonly string[]): string[] {
  return [...new Set(forms)].filter((form) => form !== '').toSorted((a, b) => b.length - a.length)
}

/** A text without the secrets. */
export function redactText(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => left.replaceAll(secret, () => redacted), text)
}

/** A JSON value without the secrets, in names as well as in values. It is not nested deep. */
export function redactValue(value: unknown, secrets: readonly string[]): unknown {
  if (secrets.length === 0) return value
  if (typeof value === 'string') return redactText(value, secrets)
  if (typeof value === 'number') {
    const text = redactText(String(value), secrets)
    return text === String(value) ? value : text
  }
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => redactValue(item, secrets))
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [
      redactText(name, secrets),
      redactValue(child, secrets),
    ]),
  )
}
