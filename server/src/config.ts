// The only reader of the environment. Everything else gets its settings as arguments.

import { join, resolve } from 'node:path'
import { AirworthyError } from './core/errors.ts'

type Limits = {
  readonly bodyBytesMax: number
  readonly databaseConnectionsMax: number
}

export type Config = {
  /** Absolute. Holds keys, the embedded PostgreSQL and its log. */
  readonly dataDir: string
  /** Undefined: the embedded PostgreSQL of `dataDir`. */
  readonly databaseUrl: string | undefined
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly limits: Limits
  /** Base64 of 32 bytes; undefined: the file `master.key` of `dataDir`. */
  readonly masterKey: string | undefined
  /** The value of a variable that a manifest names, such as a provider's API key. */
  readonly secretOf: (name: string) => string | undefined
  /** What a tool server that is started here inherits: no secrets. */
  readonly inherited: Readonly<Record<string, string>>
}

type Environment = Readonly<Record<string, string | undefined>>

/** What the command line may set; it wins over the environment. */
type ConfigOverrides = {
  readonly dataDir?: string | undefined
  readonly databaseUrl?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | string | undefined
}

const defaults = {
  dataDir: '.airworthy',
  host: '127.0.0.1',
  port: 4100,
  bodyBytesMax: 4 * 1024 * 1024,
  databaseConnectionsMax: 16,
}

/** Reads and checks every setting. Throws on the first wrong one, with its name and what is allowed. */
export function readConfig(
  env: Environment = process.env,
  overrides: ConfigOverrides = {},
): Config {
  return {
    dataDir: resolve(overrides.dataDir ?? textOf(env, 'AIRWORTHY_DATA') ?? defaults.dataDir),
    databaseUrl: databaseUrlOf(overrides.databaseUrl ?? textOf(env, 'DATABASE_URL')),
    host: hostOf(overrides.host ?? textOf(env, 'AIRWORTHY_HOST') ?? defaults.host),
    port: portOf(env, overrides.port),
    limits: {
      bodyBytesMax: wholeNumber({
        name: 'AIRWORTHY_BODY_BYTES_MAX',
        text: textOf(env, 'AIRWORTHY_BODY_BYTES_MAX') ?? String(defaults.bodyBytesMax),
        min: 1024,
        max: 256 * 1024 * 1024,
      }),
      databaseConnectionsMax: wholeNumber({
        name: 'AIRWORTHY_DATABASE_CONNECTIONS_MAX',
        text:
          textOf(env, 'AIRWORTHY_DATABASE_CONNECTIONS_MAX') ??
          String(defaults.databaseConnectionsMax),
        min: 4,
        max: 1000,
      }),
    },
    masterKey: textOf(env, 'AIRWORTHY_MASTER_KEY'),
    secretOf: (name) => (isOwnSetting(name) ? undefined : textOf(env, name)),
    inherited: inheritedOf(env),
  }
}

/** A manifest may name a provider's key, never what opens this server or its database. */
function isOwnSetting(name: string): boolean {
  return name.startsWith('AIRWORTHY_') || name === 'DATABASE_URL' || name.startsWith('PG')
}

const inheritedNames = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'SystemRoot']

function inheritedOf(env: Environment): Record<string, string> {
  const inherited: Record<string, string> = {}
  for (const name of inheritedNames) {
    const value = env[name]
    if (value !== undefined) inherited[name] = value
  }
  return inherited
}

/** What the commands need that speak to a running server. */
export type ClientConfig = {
  readonly url: string
  /** Undefined: `keyFile` holds it. */
  readonly key: string | undefined
  readonly keyFile: string
}

/** Reads where the server is and with which key to ask it. A key file on the command line wins. */
export function readClientConfig(
  env: Environment = process.env,
  overrides: {
    readonly url?: string | undefined
    readonly keyFile?: string | undefined
    readonly dataDir?: string | undefined
  } = {},
): ClientConfig {
  const { dataDir, port } = readConfig(env, { dataDir: overrides.dataDir })
  const { keyFile } = overrides
  return {
    url: serverUrlOf(
      overrides.url ??
        textOf(env, 'AIRWORTHY_URL') ??
        `http://${defaults.host}:${port === 0 ? defaults.port : port}`,
    ),
    key: keyFile === undefined ? textOf(env, 'AIRWORTHY_OPERATOR_KEY') : undefined,
    keyFile: resolve(keyFile ?? join(dataDir, operatorKeyFileName)),
  }
}

/** In the data directory. */
export const operatorKeyFileName = 'operator.key'

function serverUrlOf(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : ''
  if (protocol === 'http:' || protocol === 'https:') return text.replace(/\/+$/, '')
  throw wrongSetting('AIRWORTHY_URL', `must look like http://127.0.0.1:4100, but is ${quote(text)}`)
}

function portOf(env: Environment, override: number | string | undefined): number {
  const fromEnv = override === undefined
  const text = fromEnv ? textOf(env, 'AIRWORTHY_PORT') : String(override)
  return wholeNumber({
    name: fromEnv ? 'AIRWORTHY_PORT' : '--port',
    text: text ?? String(defaults.port),
    min: 0,
    max: 65_535,
  })
}

/** An empty variable counts as not set: that is how compose files and CI leave one out. */
function textOf(env: Environment, name: string): string | undefined {
  const text = env[name]?.trim()
  return text === '' ? undefined : text
}

function wholeNumber(setting: { name: string; text: string; min: number; max: number }): number {
  const { name, text, min, max } = setting
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw wrongSetting(name, `must be a whole number from ${min} to ${max}, but is ${quote(text)}`)
}

function hostOf(text: string): string {
  if (/^[A-Za-z0-9.:_-]{1,253}$/.test(text)) return text
  throw wrongSetting('AIRWORTHY_HOST', `must be a host name or address, but is ${quote(text)}`)
}

/** The value is never repeated in the message, because it may hold a password. */
function databaseUrlOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const protocol = URL.canParse(text) ? new URL(text).protocol : ''
  if (protocol === 'postgres:' || protocol === 'postgresql:') return text
  throw wrongSetting('DATABASE_URL', 'must look like postgres://user:password@host:5432/database')
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}

function wrongSetting(name: string, sentence: string): AirworthyError {
  return new AirworthyError('start.config_invalid', `${name} ${sentence}`, {
    detail: { setting: name },
  })
}
