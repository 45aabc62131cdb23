import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { compiled, exampleFacts, exampleManifest } from '../pact/example.test-data.ts'
import type { CompiledPact } from '../pact/compiled.ts'
import { decide } from '../decision/decide.ts'
import type { Decision } from '../decision/decision.ts'
import type { Facts } from '../decision/facts.ts'
import { addTaint, noTaint } from './taint.ts'
import type { TaintFacts, ToolTaint } from './taint.ts'

const calls = { untrusted: ['call-1 web/fetch'], private: ['call-2 crm/get'] }

function pactWith(change: string, ...more: (readonly [string, string])[]): CompiledPact {
  const from = 'retail/pay: { effect: irreversible }'
  return compiled(exampleManifest([from, `retail/pay: { effect: irreversible${change} }`], ...more))
}

function factsWith(taint: TaintFacts | undefined): Facts {
  return { ...exampleFacts, session: { ...exampleFacts.session, taint } }
}

function pay(pact: CompiledPact, taint: TaintFacts | undefined): Decision {
  const call = {
    kind: 'tool',
    server: 'retail',
    tool: 'pay',
    effectClass: 'irreversible',
    args: { note: 'x' },
    amount: undefined,
    origins: { note: ['web', 'unknown'] },
  } as const
  return decide(call, pact, factsWith(taint))
}

function taintOf(tool: string, pact: CompiledPact): ToolTaint | undefined {
  return pact.tools.get(`retail/${tool}`)?.taint
}

suite('the trifecta', () => {
  const outward = pactWith(', outward: true')
  const both = pay(outward, calls)

  test('holds an outward call after untrusted content and private data', () => {
    assert.deepEqual([both.verdict, both.code], ['hold', 'taint.trifecta'])
    const reason = both.reasons.find((each) => each.rule === 'taint.trifecta')?.reason ?? ''
    for (const part of ['call-1', 'web/fetch', 'call-2', 'crm/get', 'note from web']) {
      assert.ok(reason.includes(part), reason)
    }
  })

  const harmless: [string, Decision][] = [
    ['only untrusted content', pay(outward, { ...calls, private: [] })],
    ['only private data', pay(outward, { ...calls, untrusted: [] })],
    ['nothing', pay(outward, undefined)],
    ['both, where the tool sends nothing out', pay(pactWith(', outward: false'), calls)],
    [
      'both, where the pact says off',
      pay(pactWith(', outward: true', ['pact:', 'pact:\n  taint: { trifecta: off }']), calls),
    ],
  ]
  for (const [what, decision] of harmless) {
    test(`lets a call go after ${what}`, () => assert.equal(decision.verdict, 'allow'))
  }

  test('denies where the pact says so, and never loosens a denial', () => {
    const denying = pactWith(', outward: true', ['pact:', 'pact:\n  taint: { trifecta: deny }'])
    assert.deepEqual(pay(denying, calls).code, 'taint.trifecta')
    const late = { ...calls, untrusted: calls.untrusted }
    const three = { ...factsWith(late), session: { ...factsWith(late).session, writes: 3 } }
    const call = {
      kind: 'tool',
      server: 'retail',
      tool: 'pay',
      effectClass: 'irreversible',
      args: {},
      amount: undefined,
    } as const
    assert.deepEqual(decide(call, outward, three).code, 'policy.denied')
  })

  test('a page of the web is asked from outside, unless the contract says otherwise', () => {
    const web = ', returns: { trust: untrusted, private: false, origin: web }'
    assert.equal(taintOf('pay', pactWith(web))?.isOutward, true)
    assert.equal(taintOf('pay', pactWith(`${web}, outward: false`))?.isOutward, false)
    assert.deepEqual(taintOf('pay', pactWith(web))?.origins, ['tool:retail/pay', 'web'])
  })

  test('high stakes take what is not declared at its worst, once anything is declared', () => {
    assert.deepEqual(
      [
        taintOf('get_order_details', outward)?.isUntrusted,
        taintOf('get_order_details', outward)?.isPrivate,
      ],
      [true, true],
    )
    const silent = pactWith('')
    assert.deepEqual(
      [taintOf('get_order_details', silent)?.isUntrusted, silent.taint.tracksValues],
      [false, false],
    )
    const low = pactWith(', outward: true', ['stakes: high', 'stakes: low'])
    assert.deepEqual(
      [
        taintOf('get_order_details', low)?.isUntrusted,
        taintOf('get_order_details', low)?.isPrivate,
      ],
      [false, false],
    )
    assert.ok(outward.warnings.some((warning) => warning.includes('untrusted and private')))
    assert.ok(low.warnings.some((warning) => warning.includes('trusted and public')))
  })
})

const brings = fc.record({
  isUntrusted: fc.boolean(),
  isPrivate: fc.boolean(),
  isOutward: fc.boolean(),
  origins: fc.constant([]),
})
const placed = fc.array(
  fc.record({ callId: fc.uuid(), action: fc.constantFrom('a/b', 'c/d'), brings }),
  { maxLength: 12 },
)

function readAll(list: readonly Parameters<typeof addTaint>[1][]): TaintFacts {
  return list.reduce(addTaint, noTaint)
}

suite('what a session has read', () => {
  test('never becomes less, and never depends on the order', () => {
    fc.assert(
      fc.property(
        placed,
        fc.record({ callId: fc.uuid(), action: fc.constant('e/f'), brings }),
        (list, more) => {
          const before = readAll(list)
          const after = addTaint(before, more)
          for (const side of ['untrusted', 'private'] as const) {
            assert.deepEqual(after[side].slice(0, before[side].length), before[side])
            const turned = readAll(list.toReversed())
            assert.equal(turned[side].length, before[side].length)
          }
        },
      ),
    )
  })

  test('a session that has read more is never decided about more loosely', () => {
    const pact = pactWith(', outward: true')
    const strictness = { allow: 0, hold: 1, deny: 2 }
    fc.assert(
      fc.property(placed, placed, (first, then) => {
        const less = pay(pact, readAll(first))
        const more = pay(pact, readAll([...first, ...then]))
        assert.ok(strictness[more.verdict] >= strictness[less.verdict])
      }),
    )
  })
})
