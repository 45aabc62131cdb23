// AWS Signature Version 4 for requests with a body that is known whole: pure.
import { createHmac, hash } from 'node:crypto'

export type S3Credentials = {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken: string | undefined
}

export type S3Request = {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly url: URL
  /** Lower case, without `host`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly region: string
  readonly nowMs: number
}

/** Gives the headers of the request with its date, body digest and authorization. */
export function signS3Request(
  request: S3Request,
  credentials: S3Credentials,
): Record<string, string> {
  const { method, url, region } = request
  const at = new Date(request.nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const bodyHash = hash('sha256', request.body, 'hex')
  const headers: Record<string, string> = {
    ...request.headers,
    host: url.host,
    'x-amz-content-sha256': bodyHash,
    'x-amz-date': at,
    ...(credentials.sessionToken === undefined
      ? {}
      : { 'x-amz-security-token': credentials.sessionToken }),
  }
  const names = Object.keys(headers).toSorted()
  const canonical = [
    method,
    canonicalPath(url),
    canonicalQuery(url),
    ...names.map((name) => `${name}:${(headers[name] ?? '').trim()}`),
    '',
    names.join(';'),
    bodyHash,
  ].join('\n')
  const scope = `${at.slice(0, 8)}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', at, scope, hash('sha256', canonical, 'hex')].join('\n')
  const key = scope
    .split('/')
    .reduce<Buffer>(
      (secret, part) => hmac(secret, part),
      Buffer.from(`AWS4${credentials.secretAccessKey}`),
    )
  const signature = hmac(key, toSign).toString('hex')
  headers['authorization'] =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${signature}`
  return headers
}

/** Each part percent-encoded once, as S3 wants it: paths of a log have nothing to encode. */
function canonicalPath(url: URL): string {
  return url.pathname
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/')
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join('&')
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
