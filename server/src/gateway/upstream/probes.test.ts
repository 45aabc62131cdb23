import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { suite, test } from 'node:test'
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import { breakerDefaults } from '../../core/reliability/circuit-breaker.ts'
import { EndpointPicker } from './endpoints.ts'
import { endpointOf, modelOf } from './endpoints.test-data.ts'
import { UpstreamPools } from './pools.ts'
import { probeUpstreams } from './probes.ts'

/** An upstream on this machine that answers a status, or hangs up where there is none. */
class TestUpstream implements AsyncDisposable {
  status: number | undefined = 200
  readonly asked: IncomingMessage[] = []
  readonly #server = createServer((request, response) => {
    this.asked.push(request)
    if (this.status === undefined) request.socket.destroy()
    else response.writeHead(this.status).end('{}')
  })

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    assert(typeof address === 'object' && address !== null)
    return `http://127.0.0.1:${address.port}/v1`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => {
      this.#server.close(resolve)
    })
  }
}

function secretOf(name: string): string {
  return `value of ${name}`
}

async function stand(more: Partial<CompiledEndpoint> = {}) {
  const upstream = new TestUpstream()
  const baseUrl = await upstream.listen()
  const clock = { nowMs: 0 }
  const endpoints = new EndpointPicker({ now: () => clock.nowMs, random: () => 0.5 })
  const pools = new UpstreamPools()
  const probe = { path: '/models', intervalMs: 10_000 }
  const model = modelOf([endpointOf('a', { baseUrl, probe, ...more }), endpointOf('b')])
  endpoints.pick(model, { api: 'chat', tried: new Set(['a']) })?.report({ kind: 'cancelled' })
  return {
    upstream,
    clock,
    endpoints,
    model,
    run: () => probeUpstreams({ endpoints, pools, secretOf }),
    place: () => endpoints.table.places()[0],
    [Symbol.asyncDispose]: async () => {
      await pools[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

suite('active checks', () => {
  test('ask below the base URL with the key, and no sooner than the interval says', async () => {
    await using ground = await stand({ apiKeyEnvs: ['KEY'], auth: 'api-key' })
    await ground.run()
    await ground.run()
    assert.equal(ground.upstream.asked.length, 1)
    assert.equal(ground.upstream.asked[0]?.url, '/v1/models')
    assert.equal(ground.upstream.asked[0]?.headers['api-key'], 'value of KEY')
    assert.equal(ground.place()?.check?.isUp, true)
    ground.clock.nowMs = 10_000
    await ground.run()
    assert.equal(ground.upstream.asked.length, 2)
  })

  test('endpoints without one are not asked', async () => {
    await using ground = await stand({ probe: undefined })
    await ground.run()
    assert.equal(ground.upstream.asked.length, 0)
  })

  test('take an endpoint out that nobody calls, and keep calls from being spent on it', async () => {
    await using ground = await stand()
    ground.upstream.status = undefined
    for (let count = 0; count < breakerDefaults.failuresInARowMax; count += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await ground.run()
      ground.clock.nowMs += 10_000
    }
    assert.equal(ground.place()?.health.breaker.state(ground.clock.nowMs), 'open')
    await ground.run()
    for (let count = 0; count < 20; count += 1) {
      ground.clock.nowMs += 450
      const picked = ground.endpoints.pick(ground.model, { api: 'chat', tried: new Set() })
      assert.equal(picked?.endpoint.name, 'b')
      picked?.report({ kind: 'ok', firstByteMs: 1 })
    }
    ground.upstream.status = 200
    ground.clock.nowMs += 1000
    await ground.run()
    const picked = ground.endpoints.pick(ground.model, { api: 'chat', tried: new Set() })
    assert.equal(picked?.endpoint.name, 'a', 'one that answers is tried by the next call')
  })

  test('whoever refuses is there, and an error of its own is not', async () => {
    await using ground = await stand()
    for (const [status, isUp] of [
      [401, true],
      [404, true],
      [503, false],
    ] as const) {
      ground.upstream.status = status
      ground.clock.nowMs += 11_000
      // oxlint-disable-next-line no-await-in-loop
      await ground.run()
      assert.equal(ground.place()?.check?.isUp, isUp, String(status))
    }
  })
})
