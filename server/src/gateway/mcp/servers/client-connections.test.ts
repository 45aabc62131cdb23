import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AirworthyError } from '../../../core/errors.ts'
import type { ToolRelay } from '../../tools/backend.ts'
import type { McpServer } from './connection.ts'
import { callKind, chooseIdle, clientConnectionsMax, listingKind } from './client-connections.ts'

const stdio: McpServer = { transport: 'stdio', command: 'a', args: [], env: {}, timeoutMs: 1 }

function relayOf(client: string, marks: string): ToolRelay {
  return { client, marks, ask: () => Promise.resolve(), told: () => undefined }
}

test('a server that relays nothing has one connection for everything', () => {
  assert.deepEqual(callKind(stdio, relayOf('a', 'e')), listingKind(stdio))
  assert.equal(listingKind(stdio).marks, '')
})

test('with relay, clients never share a connection, nor with calls that nobody waits on', () => {
  const server: McpServer = { ...stdio, relay: ['elicitation'] }
  const kinds = [
    callKind(server, relayOf('a', 'e')),
    callKind(server, relayOf('b', 'e')),
    callKind(server, relayOf('a', 'eu')),
    callKind(server, undefined),
    listingKind(server),
  ]
  assert.equal(new Set(kinds.map(({ key }) => key)).size, kinds.length)
  assert.equal(callKind(server, undefined).marks, '')
})

test('the connection that is idle longest makes room, and none that is in use', () => {
  const busy = { idleSinceMs: undefined }
  const fresh = { idleSinceMs: 2 }
  const stale = { idleSinceMs: 1 }
  const fill = Array.from({ length: clientConnectionsMax - 2 }, () => busy)
  assert.equal(chooseIdle([...fill, fresh, stale]), stale)
  assert.equal(chooseIdle([...fill, stale]), undefined, 'there is room')
  assert.throws(
    () => chooseIdle([...fill, busy, busy]),
    (thrown) => thrown instanceof AirworthyError && thrown.code === 'gateway.overloaded',
  )
})
