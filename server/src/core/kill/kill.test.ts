import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  type ActiveKill,
  type DispatchUse,
  findKill,
  isInScope,
  killModes,
  killScopeKinds,
  type KillSubject,
  killToolPattern,
} from './kill.ts'
import { isAcknowledged, isLeased, leaseEnd, leaseMarginMs, leaseMs, noLease } from './lease.ts'

const subject: KillSubject = {
  agentId: 'a1',
  versionId: 'v1',
  sessionId: 's1',
  tool: 'shop/refund',
}
const names = fc.constantFrom('a1', 'v1', 's1', 'x', 'shop/refund', 'shop/*', 'bank/*', 'shop/get')
const kills: fc.Arbitrary<ActiveKill> = fc.record({
  killId: fc.uuid(),
  epoch: fc.bigInt(1n, 50n),
  scope: fc.record({ kind: fc.constantFrom(...killScopeKinds), id: names }),
  mode: fc.constantFrom(...killModes),
})
const uses = fc.constantFrom<DispatchUse>('call', 'undo', 'operator')

test('a scope has what it names, and nothing else', () => {
  const has = (kind: ActiveKill['scope']['kind'], id: string, of = subject): boolean =>
    isInScope({ kind, id }, of)
  assert(has('organisation', 'whatever'))
  assert(has('agent', 'a1') && !has('agent', 'v1'))
  assert(has('version', 'v1') && !has('version', 'a1'))
  assert(has('session', 's1') && !has('session', 'a1'))
  assert(has('tool', 'shop/refund') && has('tool', 'shop/*'))
  assert(!has('tool', 'shop/ref') && !has('tool', 'shopping/*') && !has('tool', 'sho/*'))
  // A model whose name looks like a tool's is none.
  const { tool: _none, ...model } = subject
  assert(!has('tool', 'shop/*', model) && has('agent', 'a1', model))
})

test('more kills never let a call through that fewer stop', () => {
  fc.assert(
    fc.property(fc.array(kills), fc.array(kills), (some, more) => {
      const isStopped = findKill(some, subject, 'call') !== undefined
      return !isStopped || findKill([...some, ...more], subject, 'call') !== undefined
    }),
  )
})

test('a drill stops nothing, an operator may always undo, and what is stopped is in scope', () => {
  fc.assert(
    fc.property(fc.array(kills), uses, (all, use) => {
      const found = findKill(all, subject, use)
      if (found === undefined) return true
      return found.mode !== 'drill' && use !== 'operator' && isInScope(found.scope, subject)
    }),
  )
})

test('of the kills that concern an undo the newest decides, in any order', () => {
  const frozen: ActiveKill = {
    killId: 'f',
    epoch: 3n,
    scope: { kind: 'agent', id: 'a1' },
    mode: 'freeze',
  }
  const unwound: ActiveKill = { ...frozen, killId: 'u', epoch: 4n, mode: 'unwind' }
  for (const both of [
    [frozen, unwound],
    [unwound, frozen],
  ]) {
    assert.equal(findKill(both, subject, 'undo'), undefined)
    assert(findKill(both, subject, 'call') !== undefined)
  }
  const again: ActiveKill = { ...frozen, killId: 'g', epoch: 5n }
  assert.equal(findKill([unwound, again, frozen], subject, 'undo')?.killId, 'g')
})

test('a tool is named with its server', () => {
  for (const good of ['shop/refund', 'shop/*', 'a.b-c_d/x.y']) {
    assert(killToolPattern.test(good), good)
  }
  for (const bad of ['refund', '*', '*/refund', 'shop/', 'shop/re*', '/x', 'shop/a b']) {
    assert(!killToolPattern.test(bad), bad)
  }
})

test('a lease ends before the database counts it as over, whichever clock jumps', () => {
  const clock = fc.integer({ min: 0, max: 1_000_000 })
  fc.assert(
    fc.property(
      clock,
      clock,
      fc.integer({ min: 0, max: 10_000 }),
      fc.integer(),
      (at, wall, ms, jump) => {
        const end = leaseEnd({ monotonicMs: at, wallMs: wall })
        const now = { monotonicMs: at + ms, wallMs: wall + ms + jump }
        // The database counts from when it answered, which is later than `at`.
        return !isLeased(end, now) || ms < leaseMs - leaseMarginMs
      },
    ),
  )
  assert(!isLeased(noLease, { monotonicMs: 0, wallMs: 0 }))
  const slept = { monotonicMs: 10, wallMs: 60_000 }
  assert(!isLeased(leaseEnd({ monotonicMs: 0, wallMs: 0 }), slept), 'the machine slept')
})

test('a kill is acknowledged when each gateway has confirmed it or stopped', () => {
  const standing = fc.record({ confirmedEpoch: fc.bigInt(0n, 9n), isLeaseOver: fc.boolean() })
  fc.assert(
    fc.property(fc.bigInt(1n, 9n), fc.array(standing), (epoch, all) => {
      const isOpen = all.some((each) => each.confirmedEpoch < epoch && !each.isLeaseOver)
      return isAcknowledged(epoch, all) === !isOpen
    }),
  )
})
