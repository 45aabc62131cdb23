// A request as its signature sees it, and the hosts that this gateway is.
import type { IncomingMessage } from 'node:http'
import { AirworthyError } from '../../core/errors.ts'
import type { RequestMessage } from '../../core/http-signatures/signature-base.ts'

/** Node keeps the first line of these and drops the others: a proxy in front may take the last. */
const keptOnce: ReadonlySet<string> = new Set(['authorization', 'content-type', 'host'])

export function messageOf(request: IncomingMessage): RequestMessage {
  return {
    method: request.method ?? '',
    scheme: 'encrypted' in request.socket ? 'https' : 'http',
    authority: authorityOf(request.headers.host ?? ''),
    target: request.url ?? '/',
    field: (name) => fieldOf(request, name),
  }
}

function fieldOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Throws `signature.malformed` for a field that came twice, and of which one line would be signed. */
export function expectOnce({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): void {
  const seen = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? ''
    if (!keptOnce.has(name)) continue
    if (seen.has(name)) {
      throw new AirworthyError('signature.malformed', `the request has the field ${name} twice`)
    }
    seen.add(name)
  }
}

/** Of a Host field, as it is signed: lower case, without the port of http or https. */
export function authorityOf(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)$/, '')
}

/** Whether the request was sent to this gateway: to one of its names, or to where it arrived. */
export function isOwnAuthority(
  request: IncomingMessage,
  authority: string,
  names: ReadonlySet<string>,
): boolean {
  if (names.has(authority)) return true
  const { localAddress = '', localPort = 0 } = request.socket
  const address = localAddress.replace(/^::ffff:/, '')
  const shown = address.includes(':') ? `[${address}]` : address
  if (authority === authorityOf(`${shown}:${localPort}`)) return true
  const isLoopback = address === '::1' || address.startsWith('127.')
  return isLoopback && authority === authorityOf(`localhost:${localPort}`)
}
