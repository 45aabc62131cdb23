import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { type AttemptResult, RetryBudget } from './retry.ts'

const policy = { attempts: 3, baseDelayMs: 250, maxDelayMs: 8000, retryAfterMaxMs: 20_000 }

function status(code: number, retryAfterMs?: number): AttemptResult {
  return { kind: 'status', status: code, retryAfterMs }
}

const reset: AttemptResult = { kind: 'failed', code: 'upstream.interrupted', neverSent: false }

const anyResult = fc.oneof(
  fc.constant(reset),
  fc
    .record({ code: fc.constantFrom(408, 429, 500, 503, 529), ms: fc.option(fc.nat(40_000)) })
    .map(({ code, ms }) => status(code, ms ?? undefined)),
)
const anyPolicy = fc.record({
  attempts: fc.integer({ min: 1, max: 10 }),
  baseDelayMs: fc.nat(2000),
  maxDelayMs: fc.nat(10_000),
  retryAfterMaxMs: fc.nat(30_000),
})
/** From 0, below 1, as Math.random gives it. */
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

suite('a retry budget', () => {
  test('never grants more attempts than the policy, nor a wait that passes the deadline', () => {
    const tries = fc.array(fc.record({ result: anyResult, chance, elsewhere: fc.boolean() }), {
      minLength: 12,
      maxLength: 12,
    })
    fc.assert(
      fc.property(anyPolicy, fc.nat(30_000), tries, (some, deadlineMs, results) => {
        let nowMs = 0
        let random = 0
        const budget = new RetryBudget({
          policy: some,
          deadlineMs,
          now: () => nowMs,
          random: () => random,
        })
        let attempts = 1
        for (const { result, chance: drawn, elsewhere } of results) {
          random = drawn
          const next = budget.next(result, { elsewhere })
          if (next === undefined) break
          attempts += 1
          nowMs += next.delayMs
          assert(nowMs < deadlineMs, 'there is time left for the attempt')
        }
        assert(attempts <= some.attempts)
        assert.equal(budget.attempts, attempts)
      }),
    )
  })

  test('waits anything from nothing up to the exponential bound', () => {
    fc.assert(
      fc.property(anyPolicy, chance, (some, random) => {
        const options = { policy: some, deadlineMs: Infinity, now: () => 0, random: () => random }
        const budget = new RetryBudget(options)
        for (let attempt = 1; attempt < some.attempts; attempt += 1) {
          const bound = Math.min(some.maxDelayMs, some.baseDelayMs * 2 ** (attempt - 1))
          assert.deepEqual(budget.next(reset), { delayMs: Math.floor(random * bound) })
        }
        assert.equal(budget.next(reset), undefined)
      }),
    )
  })

  test('waits at least as long as the upstream asks, and gives up where that is too long', () => {
    fc.assert(
      fc.property(fc.nat(40_000), chance, (retryAfterMs, random) => {
        const budget = new RetryBudget({
          policy,
          deadlineMs: 600_000,
          now: () => 0,
          random: () => random,
        })
        const next = budget.next(status(429, retryAfterMs))
        if (retryAfterMs > policy.retryAfterMaxMs) assert.equal(next, undefined)
        else {
          assert(next !== undefined)
          assert(next.delayMs >= retryAfterMs)
          assert(next.delayMs < retryAfterMs + policy.baseDelayMs)
        }
      }),
    )
  })

  const options = { policy, deadlineMs: 600_000, now: () => 0, random: () => 0.5 }

  test('goes elsewhere at once, however long the one that failed wants to rest', () => {
    const budget = new RetryBudget(options)
    assert.deepEqual(budget.next(status(429, 3_600_000), { elsewhere: true }), { delayMs: 0 })
  })

  test('a key that is refused is worth another attempt only with another key', () => {
    for (const code of [401, 402, 403]) {
      const budget = new RetryBudget(options)
      assert.equal(budget.next(status(code)), undefined)
      assert.deepEqual(budget.next(status(code), { elsewhere: true }), { delayMs: 0 })
    }
  })

  test('does not repeat what would be refused again, nor what was given up', () => {
    const final: AttemptResult[] = [
      ...[200, 400, 404, 409, 413, 422].map((code) => status(code)),
      { kind: 'ok', firstByteMs: 1 },
      { kind: 'cancelled' },
      { kind: 'failed', code: 'client.closed', neverSent: false },
      { kind: 'failed', code: 'budget.exceeded', neverSent: false },
    ]
    for (const result of final) {
      const budget = new RetryBudget(options)
      assert.equal(budget.next(result), undefined)
      assert.equal(budget.next(result, { elsewhere: true }), undefined)
    }
  })

  test('believes an upstream that says it should not be asked again', () => {
    const told = { kind: 'status', status: 500, retryAfterMs: undefined, shouldRetry: false }
    const result: AttemptResult = { ...told, kind: 'status' }
    assert.equal(new RetryBudget(options).next(result), undefined)
    assert.deepEqual(new RetryBudget(options).next(result, { elsewhere: true }), { delayMs: 0 })
  })
})
