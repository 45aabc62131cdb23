// A browser sends the origin of the page that speaks. Pages are no agents: one that was led here by
// a name that resolves to this machine must not be answered, whatever it knows.
import type { IncomingMessage } from 'node:http'
import { AirworthyError } from '../../../core/errors.ts'

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Throws `request.origin_refused` for an origin that is neither this machine's nor allowed. */
export function checkOrigin(request: IncomingMessage, allowed: ReadonlySet<string>): void {
  const { origin } = request.headers
  if (origin === undefined || allowed.has(origin)) return
  if (URL.canParse(origin) && loopback.has(new URL(origin).hostname)) return
  const message = 'web pages of this origin may not speak to the gateway'
  throw new AirworthyError('request.origin_refused', message)
}
