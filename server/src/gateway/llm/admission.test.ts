import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { AirworthyError } from '../../core/errors.ts'
import { Admission, type AdmissionLimits, overloadHeaders } from './admission.ts'

const limits: AdmissionLimits = {
  concurrencyMax: 2,
  agentConcurrencyMax: 2,
  agentQueueMax: 3,
  queueMax: 100,
  waitMsMax: 60_000,
}

/** As much of a response as admission looks at. */
class TestResponse extends EventEmitter {
  destroyed = false
  writableFinished = false
  readonly socket: object | null

  constructor(socket: object | null = null) {
    super()
    this.socket = socket
  }

  /** The client hangs up. */
  close(): void {
    this.destroyed = true
    this.emit('close')
  }
}

class Callers {
  readonly admission: Admission
  readonly log: string[] = []
  nowMs = 0

  constructor(some: Partial<AdmissionLimits> = {}) {
    this.admission = new Admission({ ...limits, ...some }, () => this.nowMs)
  }

  /** Asks for a place; what becomes of it is logged as `agent in` or `agent <code>`. */
  async enter(agentId: string, response = new TestResponse(), max?: number): Promise<void> {
    try {
      await this.admission.enter(agentId, { concurrencyMax: max, response: asResponse(response) })
      this.log.push(`${agentId} in`)
    } catch (thrown) {
      if (!(thrown instanceof AirworthyError)) throw thrown
      this.log.push(`${agentId} ${thrown.code}`)
    }
  }

  leave(agentId: string): void {
    this.admission.leave(agentId, asResponse(new TestResponse()))
  }

  get counts(): readonly number[] {
    const { running, waiting, agents } = this.admission
    return [running, waiting, agents]
  }
}

/** Turns of the event loop that let promises settle. */
async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
}

suite('admission', () => {
  test('lets calls in at once while there is room, without a promise', () => {
    const { admission } = new Callers()
    const options = { concurrencyMax: undefined, response: asResponse(new TestResponse()) }
    assert.equal(admission.enter('a', options), undefined)
    assert.equal(admission.enter('b', options), undefined)
    assert.equal(admission.running, 2)
  })

  test('gives agents turns, however many calls one of them has waiting', async () => {
    const callers = new Callers({ agentQueueMax: 50 })
    await callers.enter('flood')
    await callers.enter('flood')
    const waiting = Array.from({ length: 10 }, () => callers.enter('flood'))
    waiting.push(...Array.from({ length: 3 }, () => callers.enter('small')))
    callers.log.length = 0
    for (let count = 0; count < 8; count += 1) {
      callers.leave(callers.log.at(-1)?.split(' ')[0] ?? 'flood')
      // oxlint-disable-next-line no-await-in-loop
      await settle()
    }
    const turns = callers.log.map((line) => line.replace(' in', ''))
    assert.deepEqual(turns.slice(0, 6), ['small', 'flood', 'small', 'flood', 'small', 'flood'])
    assert.deepEqual(turns.slice(6), ['flood', 'flood'])
    callers.admission[Symbol.dispose]()
    await Promise.all(waiting)
  })

  test('keeps an agent to its own limit, and others do not wait for it', async () => {
    const callers = new Callers({ concurrencyMax: 10 })
    await callers.enter('a', new TestResponse(), 1)
    const second = callers.enter('a', new TestResponse(), 1)
    await callers.enter('b')
    assert.deepEqual(callers.log, ['a in', 'b in'])
    callers.leave('b')
    await settle()
    assert.deepEqual(callers.log, ['a in', 'b in'], 'room in the gateway is none for the agent')
    callers.leave('a')
    await second
    assert.deepEqual(callers.log, ['a in', 'b in', 'a in'])
  })

  test('refuses what does not fit in the queue, with when to come back', async () => {
    const callers = new Callers()
    await callers.enter('a')
    await callers.enter('a')
    const waiting = [callers.enter('a'), callers.enter('a'), callers.enter('a')]
    for (let count = 0; count < 2; count += 1) {
      callers.nowMs += 4000
      callers.leave('a')
      waiting.push(callers.enter('a'))
    }
    await settle()
    callers.log.length = 0
    const options = { concurrencyMax: undefined, response: asResponse(new TestResponse()) }
    assert.throws(
      () => callers.admission.enter('a', options),
      (thrown) => {
        assert(thrown instanceof AirworthyError)
        assert.equal(thrown.code, 'gateway.overloaded')
        // Three wait, and one leaves every four seconds.
        const expected = { 'retry-after': '12', 'x-should-retry': 'true' }
        assert.deepEqual(overloadHeaders(thrown), expected)
        return true
      },
    )
    callers.admission[Symbol.dispose]()
    await Promise.all(waiting)
  })

  test('bounds what waits over all agents', async () => {
    const callers = new Callers({ concurrencyMax: 1, queueMax: 2 })
    await callers.enter('a')
    const waiting = [callers.enter('b'), callers.enter('c')]
    await callers.enter('d')
    assert.deepEqual(callers.log, ['a in', 'd gateway.overloaded'])
    assert.deepEqual(callers.counts, [1, 2, 3])
    callers.admission[Symbol.dispose]()
    await Promise.all(waiting)
  })

  test('refuses who waited too long', async () => {
    const callers = new Callers({ concurrencyMax: 1, waitMsMax: 5 })
    await callers.enter('a')
    await callers.enter('b')
    assert.deepEqual(callers.log, ['a in', 'b gateway.overloaded'])
    assert.deepEqual(callers.counts, [1, 0, 1])
  })

  test('a client that hangs up leaves the queue at once', async () => {
    const callers = new Callers({ concurrencyMax: 1 })
    await callers.enter('a')
    const response = new TestResponse()
    const gone = callers.enter('b', response)
    const next = callers.enter('c')
    assert.deepEqual(callers.counts, [1, 2, 3])
    response.close()
    assert.deepEqual(callers.counts, [1, 1, 2])
    await gone
    callers.leave('a')
    await next
    assert.deepEqual(callers.log, ['a in', 'b client.closed', 'c in'])
    assert.equal(response.listenerCount('close'), 0)
  })

  test('a place is free when the client has its response, not before', () => {
    const { admission } = new Callers()
    const response = new TestResponse({})
    const options = { concurrencyMax: undefined, response: asResponse(response) }
    void admission.enter('a', options)
    admission.leave('a', asResponse(response))
    assert.equal(admission.running, 1)
    response.emit('close')
    assert.equal(admission.running, 0)
  })

  test('never passes a limit, strands nobody and keeps nothing, whatever happens', async () => {
    const agent = fc.constantFrom('a', 'b', 'c')
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('enter' as const), agent }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), which: fc.nat() }) },
    )
    const steps = fc.array(step, { maxLength: 80 })
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const callers = new Callers({ concurrencyMax: 3 })
        const responses: TestResponse[] = []
        const calls: Promise<void>[] = []
        const running: string[] = []
        const read = async (): Promise<void> => {
          await settle()
          for (const line of callers.log.splice(0)) {
            const [agentId = '', outcome] = line.split(' ')
            if (outcome === 'in') running.push(agentId)
          }
        }
        for (const each of all) {
          if (each.kind === 'enter') {
            const response = new TestResponse()
            responses.push(response)
            calls.push(callers.enter(each.agent, response))
          } else if (each.kind === 'leave') {
            const [left] = running.splice(each.which % Math.max(1, running.length), 1)
            if (left !== undefined) callers.leave(left)
          } else responses[each.which % Math.max(1, responses.length)]?.close()
          // oxlint-disable-next-line no-await-in-loop
          await read()
          const { admission } = callers
          assert.equal(admission.running, running.length)
          assert(running.length <= 3)
          for (const name of ['a', 'b', 'c']) {
            assert(running.filter((agentId) => agentId === name).length <= 2)
          }
          assert(admission.waiting === 0 || running.length > 0, 'nobody waits for nothing')
        }
        while (running.length > 0) {
          callers.leave(running.pop() ?? '')
          // oxlint-disable-next-line no-await-in-loop
          await read()
        }
        await Promise.all(calls)
        assert.deepEqual(callers.counts, [0, 0, 0])
        for (const response of responses) assert.equal(response.listenerCount('close'), 0)
      }),
      { numRuns: 100 },
    )
  })
})

function asResponse(response: TestResponse): Parameters<Admission['leave']>[1] {
  // What admission reads of a socket is whether there is one.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return response as unknown as Parameters<Admission['leave']>[1]
}
