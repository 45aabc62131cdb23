// Objects in S3-compatible storage. What is final is written under Object Lock, so that not even the
// owner of the bucket can change or remove it before its time; the checkpoint moves by conditional
// writes (If-Match), so that two writers cannot both move it.
import { createHash } from 'node:crypto'
import { Pool } from 'undici'
import { AirworthyError } from '../../core/errors.ts'
import {
  isObjectPath,
  objectBytesMax,
  type ObjectStore,
  type StoredObject,
  storedOtherwise,
} from './object-store.ts'
import { type Ask, removeVersionsBelow, type Reply } from './s3-versions.ts'
import { type S3Credentials, signS3Request } from './sign-s3.ts'

export type S3Options = {
  /** Such as `https://s3.eu-central-1.amazonaws.com`: the bucket goes into the path. */
  readonly endpoint: string
  readonly bucket: string
  /** Before every path; empty or with a slash at its end. */
  readonly prefix: string
  readonly region: string
  readonly credentials: S3Credentials
  /** Undefined: the bucket's own default. */
  readonly lock: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number } | undefined
  readonly now: () => number
}

const connectionsMax = 8
const attemptsMax = 4
const retryDelayMs = 100
const timeoutMs = 20_000
const errorCharsMax = 300
const dayMs = 24 * 60 * 60 * 1000

export function openS3Store(options: S3Options): ObjectStore {
  const pool = new Pool(new URL(options.endpoint).origin, {
    connections: connectionsMax,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
  const name = `s3://${options.bucket}/${options.prefix}`
  const ask = (asked: Ask): Promise<Reply> => askS3(pool, options, asked)
  const refuse = (path: string, reply: Reply): AirworthyError => {
    const text = reply.body.toString('utf8').slice(0, errorCharsMax)
    const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(text)?.[1] ?? ''
    return new AirworthyError('log.storage', `${name}${path}: ${reply.status} ${code}`.trimEnd())
  }
  const put = (
    path: string,
    bytes: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<Reply> => {
    const md5 = createHash('md5').update(bytes).digest('base64')
    const typed = { 'content-type': 'application/octet-stream', 'content-md5': md5 }
    return ask({ method: 'PUT', path, body: bytes, headers: { ...typed, ...headers } })
  }
  const read = async (path: string): Promise<StoredObject | undefined> => {
    const reply = await ask({ method: 'GET', path, headers: {}, body: new Uint8Array() })
    // A bucket that is not there must not look like an empty one.
    const isMissing = reply.status === 404 && !reply.body.includes('NoSuchBucket')
    if (isMissing) return undefined
    if (reply.status !== 200) throw refuse(path, reply)
    return { bytes: reply.body, version: reply.etag }
  }
  return {
    name,
    read,
    write: async (path, bytes, { isFinal }) => {
      // An object under lock can still get a second version; the first one is what counts.
      const guard = isFinal ? { 'if-none-match': '*', ...lockHeaders(options) } : {}
      const reply = await put(path, bytes, guard)
      if (reply.status === 200) return
      const isThere = isFinal && (reply.status === 412 || reply.status === 409)
      const found = isThere ? await read(path) : undefined
      if (found === undefined) throw refuse(path, reply)
      if (!found.bytes.equals(bytes)) throw storedOtherwise(`${name}${path}`)
    },
    replace: async (path, bytes, expected) => {
      const condition: Readonly<Record<string, string>> =
        expected === undefined ? { 'if-none-match': '*' } : { 'if-match': expected }
      const reply = await put(path, bytes, condition)
      if (reply.status === 200) return true
      if (reply.status !== 412 && reply.status !== 409) throw refuse(path, reply)
      // A request that was tried again may have met its own first try.
      return (await read(path))?.bytes.equals(bytes) === true
    },
    remove: async (path) => {
      const reply = await ask({ method: 'DELETE', path, headers: {}, body: new Uint8Array() })
      if (reply.status !== 204 && reply.status !== 200 && reply.status !== 404) {
        throw refuse(path, reply)
      }
    },
    removeBelow: (path, { limit }) => removeVersionsBelow({ options, ask, refuse }, path, limit),
    [Symbol.asyncDispose]: () => pool.close(),
  }
}

function lockHeaders({ lock, now }: S3Options): Record<string, string> {
  if (lock === undefined) return {}
  const until = new Date(now() + lock.days * dayMs).toISOString()
  return {
    'x-amz-object-lock-mode': lock.mode,
    'x-amz-object-lock-retain-until-date': until,
  }
}

/** Tries again what failed on the way or at the server; every request may be repeated. */
async function askS3(pool: Pool, options: S3Options, asked: Ask): Promise<Reply> {
  const isBucket = asked.path === undefined
  if (!isBucket && !isObjectPath(asked.path))
    throw new RangeError(`not the path of an object: ${asked.path}`)
  for (let attempt = 1; ; attempt += 1) {
    try {
      const reply = await sendOnce(pool, options, asked)
      if (reply.status < 500 && reply.status !== 429) return reply
      if (attempt >= attemptsMax) return reply
    } catch (cause) {
      if (attempt >= attemptsMax) {
        throw new AirworthyError('log.storage', `${options.endpoint} does not answer`, { cause })
      }
    }
    await new Promise((resolve) => setTimeout(resolve, retryDelayMs * 2 ** attempt))
  }
}

async function sendOnce(pool: Pool, options: S3Options, asked: Ask): Promise<Reply> {
  const { bucket, prefix, region, credentials, now } = options
  const where = asked.path === undefined ? '' : `/${prefix}${asked.path}`
  const url = new URL(`/${bucket}${where}`, options.endpoint)
  for (const [name, value] of Object.entries(asked.query ?? {})) url.searchParams.set(name, value)
  const headers = signS3Request({ ...asked, url, region, nowMs: now() }, credentials)
  const response = await pool.request({
    method: asked.method,
    path: `${url.pathname}${url.search}`,
    headers,
    body: asked.method === 'PUT' ? asked.body : null,
  })
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response.body) {
    const bytes = Buffer.from(chunk)
    length += bytes.length
    if (length > objectBytesMax) throw new RangeError('an object is larger than any of a log')
    chunks.push(bytes)
  }
  const etag = response.headers['etag']
  return {
    status: response.statusCode,
    etag: typeof etag === 'string' ? etag : '',
    body: Buffer.concat(chunks),
  }
}
