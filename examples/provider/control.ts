// What a drill asks of the fake itself: its books, its faults, its connections. On a listener of its
// own too, because a provider that is down cannot be asked to come back.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { BadRequest } from './asked.ts'
import { type ConnectionState, isConnectionState } from './connections.ts'
import { type Provider, sendJson } from './exchange.ts'
import { faultTable } from './fault-table.ts'
import { readProgramme } from './faults.ts'
import { countField, field, parseJson } from './json.ts'
import { readBody } from './read-body.ts'

export type Control = {
  readonly provider: Provider
  readonly state: () => ConnectionState
  /** With `forMs` it is `ok` again after so long. */
  readonly setState: (state: ConnectionState, forMs: number | undefined) => Promise<void>
}

const entriesDefault = 1000

export function isControlPath(path: string): boolean {
  return path.startsWith('/__')
}

export async function control(
  given: Control,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fake')
  const name = `${request.method} ${url.pathname}`
  const body = parseJson((await readBody(request)).toString('utf8'))
  const { books, drawer, cache } = given.provider
  try {
    switch (name) {
      case 'GET /__books': {
        const limit = Number(url.searchParams.get('limit') ?? entriesDefault)
        return sendJson(response, 200, books.read(Number.isSafeInteger(limit) ? limit : 0))
      }
      case 'POST /__books/reset':
        books.reset()
        cache.clear()
        return sendJson(response, 200, {})
      case 'GET /__faults':
        return sendJson(response, 200, { programme: drawer.programme, known: knownFaults() })
      case 'POST /__faults':
        drawer.set(readProgramme(body))
        return sendJson(response, 200, drawer.programme)
      case 'GET /__state':
        return sendJson(response, 200, { connections: given.state() })
      case 'POST /__state': {
        const connections = field(body, 'connections')
        if (!isConnectionState(connections)) {
          throw new BadRequest('connections is ok, reset, refuse or silent')
        }
        // The answer first: this very connection may be one of those that are reset.
        sendJson(response, 200, { connections })
        response.once('finish', () => void given.setState(connections, countField(body, 'forMs')))
        return undefined
      }
      default:
        throw new BadRequest('there is nothing here', { status: 404 })
    }
  } catch (thrown) {
    if (!(thrown instanceof BadRequest)) throw thrown
    return sendJson(response, thrown.status, { error: { message: thrown.message } })
  }
}

function knownFaults(): object {
  return Object.fromEntries(
    Object.entries(faultTable).map(([name, { about, options }]) => [name, { about, options }]),
  )
}
