import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { BodyRoom } from './body-room.ts'

function requestOf(bytes: number | undefined): IncomingMessage {
  const request = new IncomingMessage(new Socket())
  if (bytes !== undefined) request.headers['content-length'] = String(bytes)
  return request
}

describe('the room for bodies', () => {
  it('refuses what does not fit, and takes it once a call has ended', () => {
    const room = new BodyRoom({ bytesMax: 100, totalMax: 150 })
    const end = room.take(requestOf(100))
    room.take(requestOf(50))
    assert.throws(() => room.take(requestOf(1)), { code: 'gateway.overloaded' })
    end()
    assert.doesNotThrow(() => room.take(requestOf(100)))
  })

  it('counts a body of unknown length as the largest, and never more than that', () => {
    const room = new BodyRoom({ bytesMax: 100, totalMax: 199 })
    room.take(requestOf(undefined))
    assert.throws(() => room.take(requestOf(undefined)), { code: 'gateway.overloaded' })
    // It is refused for its size when it is read.
    const other = new BodyRoom({ bytesMax: 100, totalMax: 200 })
    other.take(requestOf(1_000_000))
    assert.doesNotThrow(() => other.take(requestOf(100)))
  })

  it('lets one body in although it is larger than all the room', () => {
    const room = new BodyRoom({ bytesMax: 500, totalMax: 100 })
    assert.doesNotThrow(() => room.take(requestOf(500)))
  })
})
