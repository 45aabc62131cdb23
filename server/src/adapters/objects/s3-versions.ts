// Removes objects of S3 for good. A bucket with Object Lock keeps versions, and a plain DELETE there only
// hides the newest: so each version is listed, and deleted by its id. A locked one is refused.
import type { AirworthyError } from '../../core/errors.ts'
import { isObjectPath, type Removal } from './object-store.ts'
import type { S3Request } from './sign-s3.ts'

export type Reply = { readonly status: number; readonly etag: string; readonly body: Buffer }

export type Ask = Pick<S3Request, 'method' | 'headers' | 'body'> & {
  /** Of an object; undefined: the bucket itself is asked. */
  readonly path: string | undefined
  readonly query?: Readonly<Record<string, string>>
}

type Version = { readonly path: string; readonly versionId: string }

export type VersionSource = {
  readonly options: { readonly prefix: string }
  readonly ask: (asked: Ask) => Promise<Reply>
  readonly refuse: (path: string, reply: Reply) => AirworthyError
}

const none = new Uint8Array()
const writersMax = 8

/** As `ObjectStore.removeBelow`. `limit` is at most 1,000: more S3 does not list at once. */
export async function removeVersionsBelow(
  source: VersionSource,
  path: string,
  limit: number,
): Promise<Removal> {
  const { versions, isAll } = await listVersions(source, path, limit)
  const left = [...versions]
  const outcome: { removed: number; refusal: string | undefined } = {
    removed: 0,
    refusal: undefined,
  }
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      if (outcome.refusal !== undefined) return
      const refusal = await removeVersion(source, next)
      if (refusal === undefined) outcome.removed += 1
      else outcome.refusal = refusal
    }
  }
  await Promise.all(Array.from({ length: Math.min(writersMax, left.length) }, work))
  const { removed, refusal } = outcome
  return { removed, isDone: isAll && refusal === undefined, refusal }
}

/** Gives what the store says where it keeps the version. */
async function removeVersion(source: VersionSource, version: Version): Promise<string | undefined> {
  const { path, versionId } = version
  const query = { versionId }
  const reply = await source.ask({ method: 'DELETE', path, query, headers: {}, body: none })
  if (reply.status === 204 || reply.status === 200 || reply.status === 404) return undefined
  const refused = source.refuse(path, reply)
  // What is locked is no accident: 403 by S3's own words, 400 by some others'.
  if (reply.status === 403 || reply.status === 400) return refused.message
  throw refused
}

async function listVersions(
  { options, ask, refuse }: VersionSource,
  path: string,
  limit: number,
): Promise<{ versions: Version[]; isAll: boolean }> {
  if (!isObjectPath(path)) throw new RangeError(`not the path of an object: ${path}`)
  const reply = await ask({
    method: 'GET',
    path: undefined,
    query: {
      versions: '',
      prefix: `${options.prefix}${path}/`,
      'max-keys': String(limit),
      'encoding-type': 'url',
    },
    headers: {},
    body: none,
  })
  if (reply.status !== 200) throw refuse(`${path}/?versions`, reply)
  const text = reply.body.toString('utf8')
  const found = [...text.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/gs)]
  const versions = found.map(([, , fields = '']) => readVersion(options.prefix, fields))
  return { versions, isAll: /<IsTruncated>\s*false\s*<\/IsTruncated>/.test(text) }
}

/** Throws where the store names what was not asked for: that must never be deleted. */
function readVersion(prefix: string, fields: string): Version {
  const read = (name: string): string =>
    new RegExp(`<${name}>([^<]*)</${name}>`).exec(fields)?.[1] ?? ''
  const key = decodeURIComponent(read('Key').replaceAll('+', ' '))
  const path = key.slice(prefix.length)
  const versionId = read('VersionId') === '' ? 'null' : read('VersionId')
  if (!key.startsWith(prefix) || !isObjectPath(path)) {
    throw new RangeError(`the store lists ${key}, which is no object of the log`)
  }
  return { path, versionId }
}
