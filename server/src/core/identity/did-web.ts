// did:web and did:webvh as text: what a DID may look like, and the one HTTPS address it stands for.
// Strict, because every looseness here has been an attack: addresses in disguise, `..`, a fragment
// in the host.
import { AirworthyError } from '../errors.ts'

export type WebDid = {
  readonly method: 'web' | 'webvh'
  readonly did: string
  /** Of did:webvh. */
  readonly scid: string | undefined
  /** With the port, as a URL has it: `localhost:4100`. */
  readonly host: string
  readonly path: readonly string[]
}

const didCharactersMax = 2_000
const pathSegmentsMax = 16
const hostPattern =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
const segmentPattern = /^[A-Za-z0-9._~-]{1,128}$/
const base58Pattern = /^[1-9A-HJ-NP-Za-km-z]{46}$/

/** Parses a did:web or did:webvh. Throws `identity.did_invalid`. */
export function parseWebDid(did: string): WebDid {
  if (did.length > didCharactersMax) throw invalid('the DID is too long')
  const [scheme, method, ...rest] = did.split(':')
  if (scheme !== 'did' || (method !== 'web' && method !== 'webvh')) {
    throw invalid('expected did:web: or did:webvh:')
  }
  const scid = method === 'webvh' ? rest.shift() : undefined
  if (method === 'webvh' && (scid === undefined || !base58Pattern.test(scid))) {
    throw invalid('the SCID must be 46 characters of base58btc')
  }
  const [domain = '', ...path] = rest
  if (path.length > pathSegmentsMax || !path.every(isSegment)) {
    throw invalid('a part of the path is empty, is "." or "..", or has a character it may not have')
  }
  return { method, did, scid, host: parseHost(domain), path }
}

function isSegment(segment: string): boolean {
  return segmentPattern.test(segment) && !/^\.+$/.test(segment)
}

/** A name, never an address: only the percent of a port is encoded, and that as `%3A`. */
function parseHost(domain: string): string {
  const [name = '', port, ...more] = domain.split('%3A')
  const isPort = port === undefined || (/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)
  if (more.length > 0 || !isPort || !hostPattern.test(name)) {
    throw invalid('the host must be a lower-case name, with its port after %3A')
  }
  const [last = ''] = name.split('.').slice(-1)
  // What ends in a number is an IPv4 address to a URL parser, in decimal, octal or hexadecimal.
  if (/^(\d+|0x[0-9a-f]*)$/.test(last)) throw invalid('the host must not be an IP address')
  return port === undefined ? name : `${name}:${port}`
}

/** `did.json` of did:web; `did.jsonl` and `did-witness.json` of did:webvh. */
export function webDidUrl(did: WebDid, file: 'did.json' | 'did.jsonl' | 'did-witness.json'): URL {
  const folder = did.path.length === 0 ? '.well-known' : did.path.join('/')
  return new URL(`https://${did.host}/${folder}/${file}`)
}

/** The host of a public URL as a DID has it: `agents.example.com`, `localhost%3A4100`. */
export function didHostOf(publicUrl: string): string {
  const { hostname, port } = new URL(publicUrl)
  // An address cannot be in a DID; the one that everybody has has a name.
  const name = hostname === '127.0.0.1' || hostname === '[::1]' ? 'localhost' : hostname
  const domain = port === '' ? name : `${name}%3A${port}`
  parseHost(domain)
  return domain
}

export function formatDid(
  method: 'web' | 'webvh',
  parts: { readonly scid?: string; readonly domain: string; readonly path: readonly string[] },
): string {
  const middle = method === 'webvh' ? [parts.scid ?? '{SCID}'] : []
  return ['did', method, ...middle, parts.domain, ...parts.path].join(':')
}

/** `did:webvh:<scid>`: the part of a did:webvh that stays when it moves to another host. */
export function stableDid(did: string): string {
  return did.split(':', 3).join(':')
}

function invalid(message: string): AirworthyError {
  return new AirworthyError('identity.did_invalid', message)
}
