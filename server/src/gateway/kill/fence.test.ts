import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Pool } from 'undici'
import type { ActiveKill } from '../../core/kill/kill.ts'
import { leaseEnd } from '../../core/kill/lease.ts'
import { dispatchUpstream } from '../upstream/dispatch.ts'
import { Fence } from './fence.ts'

const subject = { agentId: 'a1', versionId: 'v1', sessionId: 's1' }
const kill: ActiveKill = {
  killId: 'k',
  epoch: 1n,
  scope: { kind: 'agent', id: 'a1' },
  mode: 'freeze',
}

function setClock() {
  let nowMs = 0
  const clocks = () => ({ monotonicMs: nowMs, wallMs: nowMs })
  const fence = new Fence(clocks)
  return {
    fence,
    pass: (ms: number) => (nowMs += ms),
    renew: () => fence.renew(leaseEnd(clocks())),
  }
}

test('without a lease nothing may leave; with one it may; when it ends it may not', () => {
  const { fence, pass, renew } = setClock()
  using live = fence.enter(subject)
  assert.equal(live.refusal()?.code, 'gateway.lease_ended')
  renew()
  assert.equal(live.refusal(), undefined)
  pass(2_600)
  assert.equal(live.refusal()?.code, 'gateway.lease_ended')
  renew()
  assert.equal(live.refusal(), undefined, 'it goes on by itself')
})

test('a kill cuts what is under way before it is applied, and stays cut when it is over', () => {
  const { fence, renew } = setClock()
  renew()
  using live = fence.enter(subject)
  using other = fence.enter({ ...subject, agentId: 'a2' })
  using undo = fence.enter(subject, 'operator')
  const told: string[] = []
  live.onCut((reason) => told.push(reason.code))
  assert.deepEqual([...fence.apply([kill])], [['k', 1]])
  assert.deepEqual(told, ['kill.active'])
  assert(live.signal.aborted)
  assert.equal(live.refusal()?.code, 'kill.active')
  assert.equal(other.refusal(), undefined)
  assert.equal(undo.refusal(), undefined)
  using late = fence.enter(subject)
  assert.equal(late.refusal()?.code, 'kill.active', 'also what comes later')
  fence.apply([])
  assert.equal(live.refusal()?.code, 'kill.active')
  using next = fence.enter(subject)
  assert.equal(next.refusal(), undefined)
  assert.equal(fence.liveCount, 5)
})

test('a request that waits for its connection is not written once the lease is over', async () => {
  let asked = 0
  const server = createServer((request, response) => {
    asked += 1
    request.resume()
    setTimeout(() => response.end('{}'), 100)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 })
  const { fence, pass, renew } = setClock()
  renew()
  using live = fence.enter(subject)
  const request = {
    path: '/',
    headers: {},
    body: Buffer.from('{}'),
    timeoutMs: 5000,
    firstByteTimeoutMs: 5000,
    idleTimeoutMs: 5000,
  }
  const dispatch = () => dispatchUpstream(pool, request, { live, sink: undefined })
  const [first, queued] = [dispatch(), dispatch()]
  await new Promise((resolve) => setTimeout(resolve, 30))
  pass(10_000)
  const [one, other] = await Promise.all([first.end, queued.end])
  assert.equal(one.kind, 'collected')
  assert(other.kind === 'failed' && other.neverSent)
  assert.equal(other.error.code, 'gateway.lease_ended')
  assert.equal(asked, 1)
  await pool.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('a stream stands still while there is no lease, and goes on where it was', async () => {
  const goesOn = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('one ')
    const goOn = async (): Promise<void> => {
      await goesOn.promise
      response.write('two ')
      setTimeout(() => response.end('three'), 50)
    }
    void goOn()
  })
  // A test that fails must not keep its process alive.
  server.unref()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  const pool = new Pool(`http://127.0.0.1:${port}`)
  const { fence, pass, renew } = setClock()
  renew()
  using live = fence.enter(subject)
  let heard = ''
  const first = Promise.withResolvers<void>()
  const dispatched = dispatchUpstream(
    pool,
    {
      path: '/',
      headers: {},
      body: Buffer.from('{}'),
      timeoutMs: 5000,
      firstByteTimeoutMs: 5000,
      idleTimeoutMs: 5000,
    },
    {
      live,
      sink: {
        accept: () => true,
        write: (chunk) => {
          heard += chunk.toString()
          first.resolve()
          return true
        },
      },
    },
  )
  await first.promise
  pass(10_000)
  goesOn.resolve()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal(heard, 'one ')
  renew()
  assert.equal((await dispatched.end).kind, 'streamed')
  assert.equal(heard, 'one two three')
  await pool.destroy()
  await new Promise((resolve) => server.close(resolve))
})
