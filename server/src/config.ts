// The only reader of the environment. Everything else gets its settings as arguments.

import { join, resolve } from 'node:path'
import { privateAddresses } from './core/network/private-addresses.ts'
import { type Environment, quote, textOf, wholeNumber, wrongSetting } from './core/setting.ts'

type Limits = {
  readonly bodyBytesMax: number
  /** Of model calls: of one body, and of all that are held at a time. */
  readonly modelBodies: { readonly bytesMax: number; readonly totalMax: number }
  readonly databaseConnectionsMax: number
  readonly admission: AdmissionConfig
}

/** How many model calls are worked on, and wait, at a time: of one agent, and of all. */
type AdmissionConfig = {
  readonly concurrencyMax: number
  readonly agentConcurrencyMax: number
  readonly agentQueueMax: number
  readonly queueMax: number
  readonly waitMsMax: number
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
  /** Where others reach this server: it is in its DIDs. Undefined: where it listens. */
  readonly publicUrl: string | undefined
  readonly keystore: KeystoreConfig
  readonly log: LogConfig
  /** Hosts, addresses and ranges that a DID may name although they are not public. */
  readonly resolvePrivate: readonly string[]
  /** The same for channels: where messages to people may go although it is not public. */
  readonly channelPrivate: readonly string[]
  /** The value of a variable that a manifest names, such as a provider's API key. */
  readonly secretOf: (name: string) => string | undefined
  /** Origins of web pages that may speak to tool servers, beside those of this machine. */
  readonly allowedOrigins: ReadonlySet<string>
  /** Hosts that agents sign requests for, beside the addresses that requests arrive at. */
  readonly authorities: ReadonlySet<string>
  readonly signReplies: 'off' | 'on-signed' | 'always'
  /** What a tool server that is started here inherits: no secrets. */
  readonly inherited: Readonly<Record<string, string>>
}

export type LogConfig = {
  /** What the log's name in checkpoints begins with; undefined: the host of `publicUrl`. */
  readonly origin: string | undefined
  readonly store: LogStoreConfig
  /** Whether anybody may read tiles and checkpoints; else whoever has a key that may. */
  readonly isPublic: boolean
  /** A C2SP tlog-policy file: which witnesses are asked, and how many must cosign. */
  readonly policyFile: string | undefined
  /** A file of `log <vkey>` lines: whose checkpoints this install cosigns. */
  readonly witnessedFile: string | undefined
}

export type LogStoreConfig =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 's3'
      readonly endpoint: string
      readonly bucket: string
      readonly prefix: string
      readonly region: string
      readonly credentials: {
        readonly accessKeyId: string
        readonly secretAccessKey: string
        readonly sessionToken: string | undefined
      }
      readonly lock:
        | { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number }
        | undefined
    }

export type KeystoreConfig =
  /** A program that holds the keys, with its arguments; it inherits no secrets. */
  | { readonly kind: 'program'; readonly command: readonly string[] }
  /** Without a passphrase the master key seals the file. */
  | { readonly kind: 'file'; readonly path: string; readonly passphrase: string | undefined }

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
  modelBodyBytesMax: 32 * 1024 * 1024,
  modelBodiesBytesMax: 256 * 1024 * 1024,
  databaseConnectionsMax: 16,
}

/** Reads and checks every setting. Throws on the first wrong one, with its name and what is allowed. */
export function readConfig(
  env: Environment = process.env,
  overrides: ConfigOverrides = {},
): Config {
  const dataDir = resolve(overrides.dataDir ?? textOf(env, 'AIRWORTHY_DATA') ?? defaults.dataDir)
  return {
    dataDir,
    databaseUrl: databaseUrlOf(overrides.databaseUrl ?? textOf(env, 'DATABASE_URL')),
    host: hostOf(overrides.host ?? textOf(env, 'AIRWORTHY_HOST') ?? defaults.host),
    port: portOf(env, overrides.port),
    limits: limitsOf(env),
    masterKey: textOf(env, 'AIRWORTHY_MASTER_KEY'),
    publicUrl: publicUrlOf(textOf(env, 'AIRWORTHY_PUBLIC_URL')),
    keystore: keystoreOf(env, dataDir),
    log: logOf(env, dataDir),
    resolvePrivate: listOf(env, 'AIRWORTHY_RESOLVE_PRIVATE'),
    channelPrivate: privateAddresses(env, 'AIRWORTHY_CHANNEL_PRIVATE'),
    secretOf: (name) => (isOwnSetting(name) ? undefined : textOf(env, name)),
    allowedOrigins: originsOf(textOf(env, 'AIRWORTHY_ALLOWED_ORIGINS')),
    authorities: authoritiesOf(textOf(env, 'AIRWORTHY_AUTHORITIES')),
    signReplies: signRepliesOf(textOf(env, 'AIRWORTHY_SIGN_REPLIES') ?? 'on-signed'),
    inherited: inheritedOf(env),
  }
}

/** Throws `start.config_invalid`, which names the setting. */
function limitsOf(env: Environment): Limits {
  return {
    bodyBytesMax: wholeNumber({
      name: 'AIRWORTHY_BODY_BYTES_MAX',
      text: textOf(env, 'AIRWORTHY_BODY_BYTES_MAX') ?? String(defaults.bodyBytesMax),
      min: 1024,
      max: 256 * 1024 * 1024,
    }),
    modelBodies: {
      bytesMax: wholeNumber({
        name: 'AIRWORTHY_MODEL_BODY_BYTES_MAX',
        text: textOf(env, 'AIRWORTHY_MODEL_BODY_BYTES_MAX') ?? String(defaults.modelBodyBytesMax),
        min: 1024,
        max: 256 * 1024 * 1024,
      }),
      totalMax: wholeNumber({
        name: 'AIRWORTHY_MODEL_BODIES_BYTES_MAX',
        text:
          textOf(env, 'AIRWORTHY_MODEL_BODIES_BYTES_MAX') ?? String(defaults.modelBodiesBytesMax),
        min: 1024 * 1024,
        max: 64 * 1024 * 1024 * 1024,
      }),
    },
    databaseConnectionsMax: wholeNumber({
      name: 'AIRWORTHY_DATABASE_CONNECTIONS_MAX',
      text:
        textOf(env, 'AIRWORTHY_DATABASE_CONNECTIONS_MAX') ??
        String(defaults.databaseConnectionsMax),
      min: 4,
      max: 1000,
    }),
    admission: admissionOf(env),
  }
}

function admissionOf(env: Environment): AdmissionConfig {
  const read = (name: string, initial: number, [min, max]: readonly [number, number]): number =>
    wholeNumber({ name, text: textOf(env, name) ?? String(initial), min, max })
  return {
    concurrencyMax: read('AIRWORTHY_MODEL_CONCURRENCY', 1000, [1, 100_000]),
    agentConcurrencyMax: read('AIRWORTHY_AGENT_MODEL_CONCURRENCY', 500, [1, 100_000]),
    agentQueueMax: read('AIRWORTHY_AGENT_MODEL_QUEUE', 200, [0, 100_000]),
    queueMax: read('AIRWORTHY_MODEL_QUEUE', 2000, [0, 100_000]),
    waitMsMax: read('AIRWORTHY_MODEL_QUEUE_WAIT_MS', 30_000, [1, 600_000]),
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

/** A DID cannot hold an address or a path, so neither can this. */
function publicUrlOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:'
  const isOriginAlone = url?.pathname === '/' && url.search === '' && url.username === ''
  const isName = url !== undefined && /^[a-z0-9.-]{1,90}$/.test(url.hostname)
  const isAddress = url !== undefined && /^[\d.]+$/.test(url.hostname)
  if (isHttp && isOriginAlone && isName && !isAddress) return url.origin
  const sentence = `must look like https://agents.example.com, but is ${quote(text)}`
  throw wrongSetting('AIRWORTHY_PUBLIC_URL', sentence)
}

/** In the data directory. */
const keystoreFileName = 'keystore.json'

function keystoreOf(env: Environment, dataDir: string): KeystoreConfig {
  const program = textOf(env, 'AIRWORTHY_SIGNER')
  if (program !== undefined) return { kind: 'program', command: commandOf(program) }
  return {
    kind: 'file',
    path: resolve(textOf(env, 'AIRWORTHY_KEYSTORE') ?? join(dataDir, keystoreFileName)),
    passphrase: textOf(env, 'AIRWORTHY_KEYSTORE_PASSPHRASE'),
  }
}

function logOf(env: Environment, dataDir: string): LogConfig {
  const isPublic = textOf(env, 'AIRWORTHY_LOG_PUBLIC') ?? 'false'
  if (isPublic !== 'true' && isPublic !== 'false') {
    throw wrongSetting('AIRWORTHY_LOG_PUBLIC', `must be true or false, but is ${quote(isPublic)}`)
  }
  const origin = textOf(env, 'AIRWORTHY_LOG_ORIGIN')
  if (origin !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,119}$/.test(origin)) {
    const sentence = `must look like logs.example.com/airworthy, but is ${quote(origin)}`
    throw wrongSetting('AIRWORTHY_LOG_ORIGIN', sentence)
  }
  return {
    origin,
    store: logStoreOf(env, dataDir),
    isPublic: isPublic === 'true',
    policyFile: textOf(env, 'AIRWORTHY_LOG_POLICY'),
    witnessedFile: textOf(env, 'AIRWORTHY_WITNESSED_LOGS'),
  }
}

function logStoreOf(env: Environment, dataDir: string): LogStoreConfig {
  const text = textOf(env, 'AIRWORTHY_LOG_STORE')
  if (text === undefined) return { kind: 'directory', path: join(dataDir, 'log') }
  if (!text.startsWith('s3://')) return { kind: 'directory', path: resolve(text) }
  const place =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{2,62})\/?((?:[A-Za-z0-9._-]+\/)*[A-Za-z0-9._-]*)$/.exec(text)
  const [, bucket, path = ''] = place ?? []
  if (bucket === undefined) {
    const sentence = `must be a directory or s3://bucket/path, but is ${quote(text)}`
    throw wrongSetting('AIRWORTHY_LOG_STORE', sentence)
  }
  const region = textOf(env, 'AIRWORTHY_S3_REGION') ?? 'us-east-1'
  const endpoint = textOf(env, 'AIRWORTHY_S3_ENDPOINT') ?? `https://s3.${region}.amazonaws.com`
  const accessKeyId = textOf(env, 'AIRWORTHY_S3_ACCESS_KEY_ID')
  const secretAccessKey = textOf(env, 'AIRWORTHY_S3_SECRET_ACCESS_KEY')
  if (accessKeyId === undefined || secretAccessKey === undefined || !isOrigin(endpoint)) {
    const sentence = 'must be set, with AIRWORTHY_S3_SECRET_ACCESS_KEY and a valid endpoint'
    throw wrongSetting('AIRWORTHY_S3_ACCESS_KEY_ID', sentence)
  }
  const sessionToken = textOf(env, 'AIRWORTHY_S3_SESSION_TOKEN')
  return {
    kind: 's3',
    endpoint,
    bucket,
    prefix: path === '' || path.endsWith('/') ? path : `${path}/`,
    region,
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    lock: objectLockOf(env),
  }
}

/** In days, with the mode that nobody can undo, or the one that whoever has the right can. */
function objectLockOf(env: Environment): Extract<LogStoreConfig, { kind: 's3' }>['lock'] {
  const name = 'AIRWORTHY_LOG_LOCK_DAYS'
  const text = textOf(env, name)
  if (text === undefined) return undefined
  const days = wholeNumber({ name, text, min: 1, max: 36_500 })
  const mode = textOf(env, 'AIRWORTHY_LOG_LOCK_MODE') ?? 'COMPLIANCE'
  if (mode === 'COMPLIANCE' || mode === 'GOVERNANCE') return { mode, days }
  const sentence = `must be COMPLIANCE or GOVERNANCE, but is ${quote(mode)}`
  throw wrongSetting('AIRWORTHY_LOG_LOCK_MODE', sentence)
}

/** A JSON list, because no shell reads it: ["/usr/local/bin/kms-signer", "--region", "eu"]. */
function commandOf(text: string): readonly string[] {
  const wrong = wrongSetting('AIRWORTHY_SIGNER', 'must be a JSON list: a program and its arguments')
  try {
    const value: unknown = JSON.parse(text)
    const parts: readonly unknown[] = Array.isArray(value) ? value : []
    const command = parts.filter((each) => typeof each === 'string')
    if (command.length > 0 && command.length === parts.length) return command
  } catch {
    throw wrong
  }
  throw wrong
}

/** Parts between commas. */
function listOf(env: Environment, name: string): readonly string[] {
  const parts = (textOf(env, name) ?? '').split(',').map((each) => each.trim())
  return parts.filter((each) => each !== '')
}

function originsOf(text: string | undefined): ReadonlySet<string> {
  const origins = (text ?? '').split(',').map((origin) => origin.trim())
  const wrong = origins.find((origin) => origin !== '' && !isOrigin(origin))
  if (wrong === undefined) return new Set(origins.filter((origin) => origin !== ''))
  const sentence = `must be origins such as https://agents.example.com, but has ${quote(wrong)}`
  throw wrongSetting('AIRWORTHY_ALLOWED_ORIGINS', sentence)
}

function authoritiesOf(text: string | undefined): ReadonlySet<string> {
  const hosts = (text ?? '').split(',').map((host) => host.trim().toLowerCase())
  const wrong = hosts.find((host) => !/^[a-z0-9.[\]:_-]{0,253}$/.test(host))
  if (wrong === undefined) return new Set(hosts.filter((host) => host !== ''))
  const sentence = `must be hosts such as gateway.example.com:8443, but has ${quote(wrong)}`
  throw wrongSetting('AIRWORTHY_AUTHORITIES', sentence)
}

function signRepliesOf(text: string): Config['signReplies'] {
  if (text === 'off' || text === 'on-signed' || text === 'always') return text
  const sentence = `must be off, on-signed or always, but is ${quote(text)}`
  throw wrongSetting('AIRWORTHY_SIGN_REPLIES', sentence)
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text
}
