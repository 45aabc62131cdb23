import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { CompiledEndpoint, CompiledModel } from '../../core/pact/compiled.ts'
import { breakerDefaults } from '../../core/reliability/circuit-breaker.ts'
import { EndpointPicker, type Picked } from './endpoints.ts'
import { endpointOf, modelOf } from './endpoints.test-data.ts'
import type { AttemptResult } from './retry.ts'

const reset: AttemptResult = { kind: 'failed', code: 'upstream.interrupted', neverSent: false }

function ok(firstByteMs = 10): AttemptResult {
  return { kind: 'ok', firstByteMs }
}

function status(code: number, retryAfterMs?: number): AttemptResult {
  return { kind: 'status', status: code, retryAfterMs }
}

/** A picker on a clock that the test moves, with chance that is the same in every run. */
function pickerAt(startMs = 0): {
  picker: EndpointPicker
  clock: { nowMs: number }
} {
  const clock = { nowMs: startMs }
  let seed = 1
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  return { picker: new EndpointPicker({ now: () => clock.nowMs, random }), clock }
}

function pickFor(picker: EndpointPicker, model: CompiledModel, tried = new Set<string>()): Picked {
  const picked = picker.pick(model, { api: 'chat', tried })
  assert(picked !== undefined)
  return picked
}

/** A call with its attempts: each ends as `answer` says, until one is a success. */
function call(
  picker: EndpointPicker,
  model: CompiledModel,
  answer: (picked: Picked) => AttemptResult,
): string[] {
  const tried = new Set<string>()
  const asked: string[] = []
  for (let attempt = 0; attempt < model.retries.attempts; attempt += 1) {
    const picked = pickFor(picker, model, tried)
    asked.push(picked.endpoint.name)
    const result = answer(picked)
    picked.report(result)
    if (result.kind === 'ok') return asked
  }
  return asked
}

function resetByA(picked: Picked): AttemptResult {
  return picked.endpoint.name === 'a' ? reset : ok()
}

suite('picking an endpoint', () => {
  test('shares calls by weight', () => {
    const { picker } = pickerAt()
    const model = modelOf([endpointOf('a', { weight: 3 }), endpointOf('b', { weight: 1 })])
    const counts = { a: 0, b: 0 }
    for (let count = 0; count < 4000; count += 1) {
      const picked = pickFor(picker, model)
      counts[picked.endpoint.name === 'a' ? 'a' : 'b'] += 1
      picked.report(ok())
    }
    assert(Math.abs(counts.a / 4000 - 0.75) < 0.03, JSON.stringify(counts))
  })

  test('gives the next call to the endpoint with the least in flight for its weight', () => {
    const { picker } = pickerAt()
    const endpoints = [endpointOf('a', { weight: 2 }), endpointOf('b')]
    const model = modelOf(endpoints, 'least-in-flight')
    const names = Array.from({ length: 9 }, () => pickFor(picker, model).endpoint.name)
    assert.equal(names.filter((name) => name === 'a').length, 6)
    assert.equal(names.filter((name) => name === 'b').length, 3)
  })

  test('peak-EWMA prefers the quick endpoint, and comes back to one that is quick again', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b')], 'peak-ewma')
    const shareOfA = (latencyOf: { a: number; b: number }): number => {
      let calls = 0
      for (let count = 0; count < 200; count += 1) {
        clock.nowMs += 100
        const picked = pickFor(picker, model)
        const isA = picked.endpoint.name === 'a'
        if (isA) calls += 1
        picked.report(ok(isA ? latencyOf.a : latencyOf.b))
      }
      return calls / 200
    }
    assert(shareOfA({ a: 2000, b: 100 }) < 0.1)
    clock.nowMs += 60_000
    assert(shareOfA({ a: 100, b: 2000 }) > 0.9)
  })

  test('uses a higher tier only where none of a lower one can be tried', () => {
    const { picker } = pickerAt()
    const cloud = endpointOf('cloud')
    const model = modelOf([endpointOf('local', { tier: 1 }), cloud])
    for (let count = 0; count < 20; count += 1) {
      assert.deepEqual(
        call(picker, model, () => ok()),
        ['cloud'],
      )
    }
    const isDown = (picked: Picked): AttemptResult => (picked.endpoint === cloud ? reset : ok())
    assert.deepEqual(call(picker, model, isDown), ['cloud', 'local'])
  })

  test('prefers an endpoint of the same tier that speaks the api of the client', () => {
    const { picker } = pickerAt()
    const claude = endpointOf('claude', { wire: 'anthropic', apis: new Set(['messages']) })
    const model = modelOf([endpointOf('gpt'), claude])
    for (let count = 0; count < 20; count += 1) {
      const picked = picker.pick(model, { api: 'messages', tried: new Set() })
      assert.equal(picked?.endpoint.name, 'claude')
      picked?.report(ok())
    }
    const tried = new Set(['claude'])
    assert.equal(picker.pick(model, { api: 'messages', tried })?.endpoint.name, 'gpt')
  })

  test('gives nothing where no endpoint can serve the api', () => {
    const { picker } = pickerAt()
    const claude = endpointOf('claude', { wire: 'anthropic', apis: new Set(['messages']) })
    const vectors = endpointOf('vectors', { apis: new Set(['embeddings']) })
    const options = { tried: new Set<string>() }
    const pick = (endpoint: CompiledEndpoint, api: 'chat' | 'embeddings'): string | undefined =>
      picker.pick(modelOf([endpoint]), { ...options, api })?.endpoint.name
    assert.equal(pick(claude, 'embeddings'), undefined)
    assert.equal(pick(claude, 'chat'), 'claude')
    assert.equal(pick(vectors, 'chat'), undefined)
    assert.equal(pick(vectors, 'embeddings'), 'vectors')
  })
})

suite('health from traffic', () => {
  test('an endpoint that resets is out after a few calls, and no client sees it', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b')])
    let failures = 0
    for (let count = 0; count < 50; count += 1) {
      clock.nowMs += 10
      const asked = call(picker, model, resetByA)
      assert.equal(asked.at(-1), 'b')
      failures += asked.length - 1
    }
    assert.equal(failures, breakerDefaults.failuresInARowMax)
  })

  test('an endpoint that was down is asked within 8 s, by one call, and back when it answers', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b')])
    let isUp = false
    const answer = (picked: Picked): AttemptResult =>
      picked.endpoint.name === 'a' && !isUp ? reset : ok()
    let lastAskedMs = 0
    for (; clock.nowMs < 120_000; clock.nowMs += 50) {
      const asked = call(picker, model, answer)
      assert(asked.length <= 2)
      if (!asked.includes('a')) continue
      assert(clock.nowMs - lastAskedMs <= breakerDefaults.ejectionMsMax + 50)
      lastAskedMs = clock.nowMs
    }
    isUp = true
    const upMs = clock.nowMs
    while (!call(picker, model, answer).includes('a')) clock.nowMs += 50
    assert(clock.nowMs - upMs <= breakerDefaults.ejectionMsMax)
    const names = new Set(Array.from({ length: 40 }, () => call(picker, model, answer)).flat())
    assert.deepEqual(names, new Set(['a', 'b']), 'both serve again')
  })

  test('has one probe out at a time, while other calls go where it is well', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b')])
    eject(picker, model, 'a')
    clock.nowMs = breakerDefaults.ejectionMs
    const names = Array.from({ length: 20 }, () => pickFor(picker, model).endpoint.name)
    assert.deepEqual(
      names.filter((name) => name === 'a'),
      ['a'],
    )
  })

  test('a first byte brings an endpoint back, though its stream goes on', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b')])
    eject(picker, model, 'a')
    clock.nowMs = breakerDefaults.ejectionMs
    const probe = pickFor(picker, model)
    assert.equal(probe.endpoint.name, 'a')
    probe.firstByte(30)
    assert.equal(stateOf(picker, 'a', clock.nowMs), 'closed')
    probe.report(ok(30))
  })

  test('streams that begin well and then break take an endpoint out', () => {
    const { picker } = pickerAt()
    const model = modelOf([endpointOf('a')])
    for (let count = 0; count < breakerDefaults.failuresInARowMax; count += 1) {
      const picked = pickFor(picker, model)
      picked.firstByte(10)
      picked.report(reset)
    }
    assert.equal(stateOf(picker, 'a', 0), 'open')
  })

  test('the attempt after a failure is no probe while another endpoint is well', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b'), endpointOf('c')])
    eject(picker, model, 'a')
    clock.nowMs = breakerDefaults.ejectionMs
    for (let count = 0; count < 20; count += 1) {
      const picked = pickFor(picker, model, new Set(['b']))
      assert.equal(picked.endpoint.name, 'c')
      picked.report(ok())
    }
  })

  test('the last endpoint is asked although it is ejected', () => {
    const { picker } = pickerAt()
    const model = modelOf([endpointOf('a')])
    for (let count = 0; count < 20; count += 1) {
      assert.deepEqual(
        call(picker, model, () => reset),
        ['a', 'a', 'a'],
      )
    }
    assert.deepEqual(
      call(picker, model, () => ok()),
      ['a'],
    )
    assert.equal(stateOf(picker, 'a', 0), 'closed', 'and back as soon as it answers')
  })

  test('of endpoints that are all ejected the one that is back first is asked', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b')])
    eject(picker, model, 'b')
    clock.nowMs = 500
    eject(picker, model, 'a')
    assert.equal(pickFor(picker, model).endpoint.name, 'b')
  })

  test('what the client did wrong or gave up says nothing of the endpoint', () => {
    const { picker } = pickerAt()
    const model = modelOf([endpointOf('a')])
    const cancelled: AttemptResult = { kind: 'cancelled' }
    const ended: AttemptResult = { kind: 'failed', code: 'budget.exceeded', neverSent: false }
    for (const result of [status(400), status(404), status(401), status(429), cancelled, ended]) {
      for (let count = 0; count < 20; count += 1) pickFor(picker, model).report(result)
    }
    assert.equal(stateOf(picker, 'a', 0), 'closed')
  })

  test('counts errors of every kind that the endpoint makes', () => {
    const timeout: AttemptResult = { kind: 'failed', code: 'upstream.timeout', neverSent: false }
    const refused: AttemptResult = { kind: 'failed', code: 'upstream.unreachable', neverSent: true }
    const broken: AttemptResult = { kind: 'failed', code: 'upstream.invalid', neverSent: false }
    for (const result of [reset, timeout, refused, broken, status(500), status(503), status(529)]) {
      const { picker } = pickerAt()
      const model = modelOf([endpointOf('a')])
      for (let count = 0; count < 3; count += 1) pickFor(picker, model).report(result)
      assert.equal(stateOf(picker, 'a', 0), 'open', JSON.stringify(result))
    }
  })

  test('an overloaded endpoint rests for as long as it asks, where another is there', () => {
    const { picker, clock } = pickerAt()
    const model = modelOf([endpointOf('a'), endpointOf('b')])
    const first = pickFor(picker, model)
    first.report(status(503, 4000))
    for (; clock.nowMs < 4000; clock.nowMs += 100) {
      const picked = pickFor(picker, model)
      assert.notEqual(picked.endpoint.name, first.endpoint.name)
      picked.report(ok())
    }
    const names = Array.from({ length: 40 }, () => call(picker, model, () => ok())).flat()
    assert(names.includes(first.endpoint.name))
  })
})

suite('keys of an endpoint', () => {
  const model = modelOf([endpointOf('a', { apiKeyEnvs: ['ONE', 'TWO'] })])

  test('are used in turn', () => {
    const { picker } = pickerAt()
    const keys = Array.from({ length: 6 }, () => {
      const picked = pickFor(picker, model)
      picked.report(ok())
      return picked.apiKeyEnv
    })
    assert.equal(keys.filter((key) => key === 'ONE').length, 3)
    assert.equal(keys.filter((key) => key === 'TWO').length, 3)
  })

  test('one with a 429 is not used until Retry-After, while another is', () => {
    const { picker, clock } = pickerAt()
    const limited = pickFor(picker, model)
    limited.report(status(429, 7000))
    for (; clock.nowMs < 7000; clock.nowMs += 100) {
      const picked = pickFor(picker, model)
      assert.notEqual(picked.apiKeyEnv, limited.apiKeyEnv)
      picked.report(ok())
    }
    const keys = [pickFor(picker, model), pickFor(picker, model)].map((each) => each.apiKeyEnv)
    assert(keys.includes(limited.apiKeyEnv))
  })

  test('one with a 429 sends the same call to the other key at once', () => {
    const { picker } = pickerAt()
    const tried = new Set<string>()
    const first = pickFor(picker, model, tried)
    first.report(status(429, 7000))
    assert(picker.hasOther(model, { api: 'chat', tried }))
    const second = pickFor(picker, model, tried)
    assert.notEqual(second.apiKeyEnv, first.apiKeyEnv)
    second.report(status(429, 7000))
    assert.equal(picker.hasOther(model, { api: 'chat', tried }), false)
  })

  test('one with a 429 is not asked again by the same call, though it need not rest', () => {
    const { picker } = pickerAt()
    const tried = new Set<string>()
    const first = pickFor(picker, model, tried)
    first.report(status(429, 0))
    assert.notEqual(pickFor(picker, model, tried).apiKeyEnv, first.apiKeyEnv)
    const only = modelOf([endpointOf('b', { apiKeyEnvs: ['ONE'] })])
    const triedOnly = new Set<string>()
    pickFor(picker, only, triedOnly).report(status(429, 0))
    assert.equal(picker.hasOther(only, { api: 'chat', tried: triedOnly }), false)
  })

  test('a shorter Retry-After that arrives later does not shorten the rest of a key', () => {
    const { picker, clock } = pickerAt()
    const calls = Array.from({ length: 4 }, () => pickFor(picker, model))
    const ofOne = calls.filter((each) => each.apiKeyEnv === 'ONE')
    ofOne[0]?.report(status(429, 7000))
    ofOne[1]?.report(status(429, 10))
    clock.nowMs = 6000
    for (let count = 0; count < 4; count += 1) {
      assert.equal(pickFor(picker, model).apiKeyEnv, 'TWO')
    }
  })

  test('a reset rules out the endpoint, not one key of it', () => {
    const { picker } = pickerAt()
    const tried = new Set<string>()
    pickFor(picker, model, tried).report(reset)
    assert.equal(picker.hasOther(model, { api: 'chat', tried }), false)
  })

  test('one that is refused rests for a minute, and is used where it is the only one', () => {
    const { picker, clock } = pickerAt()
    const refused = pickFor(picker, model)
    refused.report(status(401))
    clock.nowMs = 59_000
    for (let count = 0; count < 5; count += 1) {
      assert.notEqual(pickFor(picker, model).apiKeyEnv, refused.apiKeyEnv)
    }
    const only = modelOf([endpointOf('b', { apiKeyEnvs: ['ONE'] })])
    pickFor(picker, only).report(status(401))
    assert.equal(pickFor(picker, only).apiKeyEnv, 'ONE')
  })
})

suite('what is kept of endpoints', () => {
  test('is bounded, and what nobody uses is forgotten', () => {
    const { picker, clock } = pickerAt()
    for (let count = 0; count < 3000; count += 1) {
      clock.nowMs += 1
      pickFor(picker, modelOf([endpointOf(`host-${count}`)])).report(ok())
    }
    assert.equal(picker.table.places().length, 1000)
    clock.nowMs += 3_600_001
    assert.equal(picker.table.places().length, 0)
  })

  test('is shared by all models that name the same place', () => {
    const { picker } = pickerAt()
    const place = { baseUrl: 'http://one.example/v1' }
    eject(picker, modelOf([endpointOf('a', place)]), 'a')
    const other = modelOf([endpointOf('x', place), endpointOf('y')])
    for (let count = 0; count < 10; count += 1) {
      assert.equal(pickFor(picker, other).endpoint.name, 'y')
    }
  })

  test('counts what is in flight down to nothing, however calls end', () => {
    const ends = fc.array(
      fc.constantFrom<AttemptResult>(ok(), reset, status(429), status(500), { kind: 'cancelled' }),
    )
    fc.assert(
      fc.property(ends, (results) => {
        const { picker } = pickerAt()
        const model = modelOf([endpointOf('a'), endpointOf('b', { tier: 1 })])
        const picks = results.map((result) => ({ result, picked: pickFor(picker, model) }))
        for (const { picked, result } of picks) {
          picked.report(result)
          picked.report(ok())
        }
        for (const { health } of picker.table.places()) assert.equal(health.inFlight, 0)
      }),
    )
  })
})

function eject(picker: EndpointPicker, model: CompiledModel, name: string): void {
  const others = model.endpoints.map((endpoint) => endpoint.name).filter((each) => each !== name)
  for (let count = 0; count < breakerDefaults.failuresInARowMax; count += 1) {
    const picked = pickFor(picker, model, new Set(others))
    assert.equal(picked.endpoint.name, name)
    picked.report(reset)
  }
}

function stateOf(picker: EndpointPicker, host: string, nowMs: number): string | undefined {
  const place = picker.table
    .places()
    .find(({ health }) => health.upstream === `http://${host}.example/v1`)
  return place?.health.breaker.state(nowMs)
}
