// S3 for tests: a server of somebody else's where the machine has one (moto), and a fake of our own,
// which checks what that one does not: signatures and Object Lock headers.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { signS3Request } from '../../src/adapters/objects/sign-s3.ts'

export const credentials = {
  accessKeyId: 'test',
  secretAccessKey: 'a secret of the tests',
  sessionToken: undefined,
}
export const region = 'us-east-1'
export const bucket = 'airworthy-log'

export type S3Server = { readonly endpoint: string } & AsyncDisposable

/** Undefined where moto (`pip install "moto[server]"`) is not installed. */
export async function startMoto(): Promise<S3Server | undefined> {
  const program = 'moto_server'
  if (spawnSync(program, ['--help'], { stdio: 'ignore' }).status !== 0) return undefined
  const port = await freePort()
  const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  const endpoint = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries += 1) {
    const isUp = await fetch(endpoint).then(
      () => true,
      () => false,
    )
    if (isUp) break
    if (tries > 150) throw new Error('moto does not answer')
    await sleep(100)
  }
  const url = new URL(`/${bucket}`, endpoint)
  const headers = signS3Request(
    {
      method: 'PUT',
      url,
      headers: { 'x-amz-bucket-object-lock-enabled': 'true' },
      body: new Uint8Array(),
      region,
      nowMs: Date.now(),
    },
    credentials,
  )
  delete headers['host']
  const made = await fetch(url, { method: 'PUT', headers })
  if (made.status !== 200) throw new Error(`no bucket: ${made.status} ${await made.text()}`)
  return {
    endpoint,
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = addressOf(server.address())
  await new Promise((resolve) => server.close(resolve))
  return port
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('no address')
  return address
}

export type FakeS3 = S3Server & {
  /** The lock of each object: what its headers said. */
  readonly locks: Map<string, { readonly mode: string; readonly until: string }>
  /** Each call answers the next request with this status instead. */
  readonly failNext: (status: number) => void
}

type Stored = { readonly bytes: Buffer; readonly etag: string }

export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Stored>()
  const locks: FakeS3['locks'] = new Map()
  const failures: number[] = []
  const answer = (request: IncomingMessage, body: Buffer, response: ServerResponse): void => {
    const failure = failures.shift()
    if (failure !== undefined) return end(response, failure, 'InternalError')
    if (!isSigned(request, body)) return end(response, 403, 'SignatureDoesNotMatch')
    const { pathname: path, searchParams } = new URL(request.url ?? '', 'http://s3')
    if (searchParams.has('versions')) return list(response, objects, path, searchParams)
    const found = objects.get(path)
    if (request.method === 'GET') {
      if (found === undefined) return end(response, 404, 'NoSuchKey')
      response.writeHead(200, { etag: found.etag }).end(found.bytes)
      return undefined
    }
    if (request.method === 'DELETE') {
      if (locks.has(path)) return end(response, 403, 'AccessDenied')
      objects.delete(path)
      return end(response, 204, '')
    }
    const { 'if-match': match, 'if-none-match': noneMatch } = request.headers
    if (noneMatch === '*' && found !== undefined) return end(response, 412, 'PreconditionFailed')
    if (match !== undefined && match !== found?.etag)
      return end(response, 412, 'PreconditionFailed')
    const md5 = createHash('md5').update(body).digest('base64')
    if (request.headers['content-md5'] !== md5) return end(response, 400, 'BadDigest')
    objects.set(path, { bytes: body, etag: `"${md5}"` })
    const mode = request.headers['x-amz-object-lock-mode']
    const until = request.headers['x-amz-object-lock-retain-until-date']
    if (mode !== undefined) locks.set(path, { mode: String(mode), until: String(until) })
    return end(response, 200, '')
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(request, Buffer.concat(chunks), response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${addressOf(server.address()).port}`,
    locks,
    failNext: (status) => void failures.push(status),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Versions as a bucket without versioning lists them. */
function list(
  response: ServerResponse,
  objects: ReadonlyMap<string, Stored>,
  path: string,
  query: URLSearchParams,
): undefined {
  const keys = [...objects.keys()].map((key) => key.slice(path.length + 1)).toSorted()
  const found = keys.filter((key) => key.startsWith(query.get('prefix') ?? ''))
  const page = found.slice(0, Number(query.get('max-keys')))
  const rows = page.map(
    (key) => `<Version><Key>${encodeURIComponent(key)}</Key><VersionId>null</VersionId></Version>`,
  )
  const isCut = page.length < found.length
  const text = `<IsTruncated>${String(isCut)}</IsTruncated>${rows.join('')}`
  response.writeHead(200).end(`<ListVersionsResult>${text}</ListVersionsResult>`)
}

/** Signs again what arrived, with the secret that both know. */
function isSigned(request: IncomingMessage, body: Buffer): boolean {
  const { authorization = '', host = '' } = request.headers
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? []
  const added = new Set(['host', 'x-amz-date', 'x-amz-content-sha256'])
  const kept = names.filter((name) => !added.has(name))
  const at = String(request.headers['x-amz-date'])
  const iso = at.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const method = request.method === 'PUT' || request.method === 'DELETE' ? request.method : 'GET'
  const again = signS3Request(
    {
      method,
      url: new URL(request.url ?? '/', `http://${host}`),
      headers: Object.fromEntries(kept.map((name) => [name, String(request.headers[name])])),
      body,
      region,
      nowMs: Date.parse(iso),
    },
    credentials,
  )
  return again['authorization'] === authorization
}

function end(response: ServerResponse, status: number, code: string): undefined {
  response.writeHead(status).end(code === '' ? '' : `<Error><Code>${code}</Code></Error>`)
}
