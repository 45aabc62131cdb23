import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { callDigestLength, countRepeats, findLoop, pushRecent } from './loops.ts'

const limits = { identical: 5, oscillation: 3, window: 20 }

/** A call by one letter, as the session remembers it. */
function digest(letter: string): string {
  return letter.repeat(callDigestLength)
}

/** Makes the calls one after another; answers what stopped which, and goes on after it. */
function run(calls: string, with_ = limits): string[] {
  let recent = ''
  return calls.split('').map((letter) => {
    const found = findLoop(recent, digest(letter), with_)
    if (found === undefined) recent = pushRecent(recent, digest(letter), with_.window)
    return found?.code ?? 'go'
  })
}

/** At which call, counted from 1, a chain is stopped first, and why. */
function stop(calls: string, with_ = limits): [number, string] | undefined {
  const answers = run(calls, with_)
  const at = answers.findIndex((answer) => answer !== 'go')
  return at === -1 ? undefined : [at + 1, answers[at] ?? '']
}

suite('loops', () => {
  const cases: [string, string, [number, string] | undefined][] = [
    ['five identical calls, and not the sixth', 'aaaaaaa', [6, 'loop.identical']],
    ['identical calls with others between them', 'abacadaeafa', [11, 'loop.identical']],
    [
      'four identical calls again and again, with enough between them',
      'aaaabcdefghijklmnopqraaaa',
      undefined,
    ],
    ['three rounds of two calls', 'ababab', undefined],
    ['the call after three rounds of two', 'abababa', [7, 'loop.oscillation']],
    ['the call after three rounds of three', 'abcabcabca', [10, 'loop.oscillation']],
    ['the call after three rounds of four', 'abcdabcdabcda', [13, 'loop.oscillation']],
    ['a round that begins after other calls', 'xyzabababa', [10, 'loop.oscillation']],
    ['rounds that are broken', 'ababcababcd', undefined],
    ['a chain that never repeats', 'abcdefghijklmnopqrstuvwxyz', undefined],
  ]
  for (const [name, calls, expected] of cases) {
    test(`${expected === undefined ? 'lets pass' : 'stops'} ${name}`, () => {
      assert.deepEqual(stop(calls), expected)
    })
  }

  test('another call breaks the circle and makes room', () => {
    const answers = run('abababacab')
    assert.deepEqual(answers.slice(5), ['go', 'loop.oscillation', 'go', 'go', 'go'])
  })

  test('a limit of 0 is none', () => {
    const none = { identical: 0, oscillation: 0, window: 20 }
    assert.equal(stop('a'.repeat(100), none), undefined)
    assert.equal(stop('ab'.repeat(50), none), undefined)
  })

  test('what is remembered is bounded by the window, and holds the newest', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 64 }), (calls, window) => {
        let recent = ''
        const letters = calls.replaceAll(/[^a-z]/g, 'a').split('')
        for (const letter of letters) recent = pushRecent(recent, digest(letter), window)
        const kept = letters.slice(-window).map(digest).join('')
        assert.equal(recent, kept)
        assert.ok(recent.length <= window * callDigestLength)
      }),
    )
  })

  test('no call is stopped as identical that is not among the last calls as often as the limit', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 })
    fc.assert(
      fc.property(letters, (calls) => {
        let recent = ''
        for (const letter of calls) {
          const count = countRepeats(recent, digest(letter))
          const found = findLoop(recent, digest(letter), { ...limits, oscillation: 0 })
          assert.equal(found?.code, count >= limits.identical ? 'loop.identical' : undefined)
          if (found === undefined) recent = pushRecent(recent, digest(letter), limits.window)
        }
      }),
    )
  })

  test('a chain without any repeated call is never stopped', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 99_999 }), { maxLength: 80 }), (ids) => {
        let recent = ''
        for (const id of ids) {
          const each = String(id).padStart(callDigestLength, '0')
          assert.equal(
            findLoop(recent, each, { identical: 1, oscillation: 1, window: 64 }),
            undefined,
          )
          recent = pushRecent(recent, each, 64)
        }
      }),
    )
  })
})
