// Resolves did:key, did:web and did:webvh, and no other method. What a DID names is somebody else's
// word: only https, only public hosts or those that the operator named, no redirect, the very address
// that was checked is the one that is connected to, and everything has an end.
import type { LookupAddress } from 'node:dns'
import { request } from 'node:https'
import { isIP } from 'node:net'
import { parseExactJson } from '../core/canonical.ts'
import { AirworthyError } from '../core/errors.ts'
import type { JsonObject } from '../core/identity/data-integrity.ts'
import { didKeyDocument } from '../core/identity/did-key.ts'
import { parseWebDid, type WebDid, webDidUrl } from '../core/identity/did-web.ts'
import { verifyWebvhLog, webvhLogBytesMax } from '../core/identity/webvh-log.ts'
import { type AddressPolicy, addressPolicy } from '../core/network/address-policy.ts'
import { lookupHost, lookupOf } from './host-addresses.ts'

export type ResolvedDid = {
  readonly did: string
  readonly document: JsonObject
  /** Of did:webvh. */
  readonly versionId: string | undefined
  readonly isDeactivated: boolean
}

export type DidResolver = (did: string) => Promise<ResolvedDid>

export type ResolverOptions = {
  /** Hosts, addresses and ranges that may be asked although they are not public. */
  readonly allowPrivate: readonly string[]
  /** The addresses of a host; DNS when not given. */
  readonly resolveHost?: (host: string) => Promise<readonly string[]>
  /** Certificates to trust beside those of the system. */
  readonly ca?: string
}

const timeoutMs = 10_000
const bodyBytesMax: Readonly<Record<File, number>> = {
  'did.json': 256 * 1024,
  'did.jsonl': webvhLogBytesMax,
  'did-witness.json': 1024 * 1024,
}
const openMax = 16

type File = 'did.json' | 'did.jsonl' | 'did-witness.json'
type Resolver = ResolverOptions & { readonly policy: AddressPolicy }

/**
 * Makes a resolver. It throws `identity.did_invalid` for a DID that is none, or of another method,
 * `identity.did_unresolvable` for one that leads nowhere or whose log does not verify,
 * `upstream.address_forbidden` for a host that may not be asked, `gateway.overloaded` for too many at once.
 */
export function createDidResolver(options: ResolverOptions): DidResolver {
  const resolver = { ...options, policy: addressPolicy({ allowPrivate: options.allowPrivate }) }
  let open = 0
  return async (did) => {
    if (open >= openMax)
      throw new AirworthyError('gateway.overloaded', 'too many DIDs are resolved')
    open += 1
    try {
      return await resolve(resolver, did)
    } finally {
      open -= 1
    }
  }
}

async function resolve(resolver: Resolver, did: string): Promise<ResolvedDid> {
  if (did.startsWith('did:key:')) {
    return { did, document: didKeyDocument(did), versionId: undefined, isDeactivated: false }
  }
  const parsed = parseWebDid(did)
  return parsed.method === 'web' ? resolveWeb(resolver, parsed) : resolveWebvh(resolver, parsed)
}

async function resolveWeb(resolver: Resolver, parsed: WebDid): Promise<ResolvedDid> {
  const { did } = parsed
  const text = await fetchFile(resolver, parsed, 'did.json')
  if (text === undefined) throw unresolvable(`${did} has no did.json`)
  const exact = parseExactJson(text)
  if (exact.kind === 'invalid') throw unresolvable(`the document of ${did}: ${exact.message}`)
  const { value } = exact
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unresolvable(`the document of ${did} is no object`)
  }
  const document: JsonObject = Object.fromEntries(Object.entries(value))
  if (document['id'] !== did)
    throw unresolvable(`the document at the address of ${did} is another's`)
  return { did, document, versionId: undefined, isDeactivated: false }
}

async function resolveWebvh(resolver: Resolver, parsed: WebDid): Promise<ResolvedDid> {
  const { did } = parsed
  const log = await fetchFile(resolver, parsed, 'did.jsonl')
  if (log === undefined) throw unresolvable(`${did} has no did.jsonl`)
  // Asked for after the log: a proof of a version that is not published yet does no harm.
  const witnesses = log.includes('"witnesses"')
    ? await fetchFile(resolver, parsed, 'did-witness.json')
    : undefined
  const verified = verifyWebvhLog({ did, log, witnesses, nowMs: Date.now() })
  const { document, versionId } = verified.latest
  return { did, document, versionId, isDeactivated: verified.isDeactivated }
}

/** Undefined where there is no such file (404 or 410). */
async function fetchFile(resolver: Resolver, did: WebDid, file: File): Promise<string | undefined> {
  const url = webDidUrl(did, file)
  const addresses = await checkedAddresses(resolver, url.hostname)
  const { promise, resolve: succeed, reject } = Promise.withResolvers<string | undefined>()
  const fail = (cause: unknown): void =>
    reject(
      cause instanceof AirworthyError ? cause : unresolvable(`${url.href} cannot be read`, cause),
    )
  const asking = request(url, {
    method: 'GET',
    agent: false,
    lookup: lookupOf(addresses),
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'airworthy' },
    signal: AbortSignal.timeout(timeoutMs),
    ...(resolver.ca === undefined ? {} : { ca: resolver.ca }),
  })
  asking.on('error', fail)
  asking.on('response', (response) => {
    const { statusCode = 0 } = response
    if (statusCode !== 200) {
      response.destroy()
      if (statusCode === 404 || statusCode === 410) succeed(undefined)
      // A redirect is not followed: it would lead past the host that the DID names.
      else fail(unresolvable(`${url.href} answers ${statusCode}`))
      return
    }
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('error', fail)
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      chunks.push(chunk)
      if (bytes > bodyBytesMax[file]) response.destroy(unresolvable(`${url.href} is too long`))
    })
    response.on('end', () => succeed(Buffer.concat(chunks).toString('utf8')))
  })
  asking.end()
  return promise
}

async function checkedAddresses(
  { policy, resolveHost }: Resolver,
  host: string,
): Promise<readonly LookupAddress[]> {
  const addresses = await (resolveHost ?? lookupHost)(host).catch((cause: unknown) => {
    throw unresolvable(`${host} has no address`, cause)
  })
  if (addresses.length === 0) throw unresolvable(`${host} has no address`)
  // One forbidden address among them is enough: a public name has no reason to have one.
  const bad = addresses.find((address) => !policy.permits(host, address))
  if (bad !== undefined) {
    throw new AirworthyError(
      'upstream.address_forbidden',
      `${host} is at ${bad}, not a public address`,
    )
  }
  return addresses.map((address) => ({ address, family: isIP(address) }))
}

function unresolvable(message: string, cause?: unknown): AirworthyError {
  return new AirworthyError('identity.did_unresolvable', message, { cause })
}
