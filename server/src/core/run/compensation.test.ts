import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import {
  nextCompensation,
  nextCompletion,
  type Step,
  type StepState,
  undoAttemptsMax,
  undoDelayMs,
  unsettledMsMax,
} from './compensation.ts'
import { foresee } from './preview.ts'
import { canMove, isDenialOfAuthority, isRunName } from './run.ts'

const closedAtMs = 1_000_000

function step(more: Partial<Step> & { readonly state: StepState }): Step {
  return {
    effectId: 'e',
    callId: 'c',
    action: 'shop/x',
    effectClass: 'reversible',
    order: 0n,
    holdId: undefined,
    attempts: 0,
    nextAtMs: 0,
    isLeft: false,
    ...more,
  }
}

type World = Map<string, Step & { readonly failures: number; readonly settles: 'done' | 'failed' }>

const states: readonly StepState[] = [
  'held',
  'deferred',
  'executing',
  'done',
  'failed',
  'unknown',
  'undoing',
  'undone',
  'undo_failed',
  'denied',
]

const worlds = fc
  .array(
    fc.record({
      state: fc.constantFrom(...states),
      effectClass: fc.constantFrom('reversible' as const, 'irreversible' as const),
      failures: fc.integer({ min: 0, max: undoAttemptsMax + 2 }),
      settles: fc.constantFrom('done' as const, 'failed' as const),
    }),
    { maxLength: 12 },
  )
  .map((rows): World => {
    const made = rows.map((row, index) => {
      const id = `e${index}`
      return [id, { ...step(row), ...row, effectId: id, order: BigInt(index) }] as const
    })
    return new Map(made)
  })

/** Carries out what is asked until the run is over; gives what was undone, in its order. */
function drive(world: World): { end: string; undone: string[]; executed: number } {
  const undone: string[] = []
  let nowMs = closedAtMs
  for (let turn = 0; turn < 10_000; turn += 1) {
    const task = nextCompensation([...world.values()], { nowMs, closedAtMs })
    if (task.kind === 'finish') return { end: task.state, undone, executed: 0 }
    if (task.kind === 'wait') {
      assert(task.untilMs > nowMs, 'a wait ends later')
      nowMs = task.untilMs
      // What is under way comes to its end by itself.
      for (const [id, each] of world) {
        if (each.state === 'executing') world.set(id, { ...each, state: each.settles })
      }
      continue
    }
    assert(task.kind !== 'execute', 'nothing new is executed while a run is taken back')
    const found = world.get(task.step.effectId)
    assert(found !== undefined)
    if (task.kind === 'cancel') world.set(found.effectId, { ...found, state: 'denied' })
    if (task.kind === 'probe') world.set(found.effectId, { ...found, state: found.settles })
    if (task.kind === 'leave') world.set(found.effectId, { ...found, isLeft: true })
    if (task.kind !== 'undo') continue
    const later = [...world.values()].filter(
      (each) =>
        each.order > found.order &&
        !each.isLeft &&
        ['held', 'deferred', 'executing', 'done', 'unknown', 'undoing', 'undo_failed'].includes(
          each.state,
        ),
    )
    assert.deepEqual(later, [], 'no later step stands when an earlier one is undone')
    const attempts = found.attempts + 1
    if (attempts <= found.failures) {
      const isLeft = attempts >= undoAttemptsMax
      const nextAtMs = nowMs + undoDelayMs(attempts)
      world.set(found.effectId, { ...found, state: 'undo_failed', attempts, nextAtMs, isLeft })
    } else {
      undone.push(found.effectId)
      world.set(found.effectId, { ...found, state: 'undone' })
    }
  }
  throw new Error('the run never ended')
}

describe('a run that is taken back', () => {
  test('ends, undoes each step at most once and in reverse, and is clean or says that it is not', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { end, undone } = drive(world)
        assert.equal(new Set(undone).size, undone.length)
        const orders = undone.map((id) => Number(id.slice(1)))
        assert.deepEqual(
          orders,
          orders.toSorted((a, b) => b - a),
        )
        const standing = [...world.values()].filter((each) =>
          ['executing', 'done', 'unknown', 'undoing', 'undo_failed'].includes(each.state),
        )
        assert.equal(end, standing.length === 0 ? 'compensated' : 'stuck')
        assert(standing.every((each) => each.isLeft))
        assert([...world.values()].every((each) => !['held', 'deferred'].includes(each.state)))
      }),
      { numRuns: 500 },
    )
  })

  test('reports a step whose outcome stays open, and goes on with the others', () => {
    const open = step({ effectId: 'open', state: 'executing', order: 2n })
    const done = step({ effectId: 'done', state: 'done', order: 1n })
    const early = { nowMs: closedAtMs + 1, closedAtMs }
    assert.equal(nextCompensation([open, done], early).kind, 'wait')
    const late = { nowMs: closedAtMs + unsettledMsMax + 1, closedAtMs }
    assert.deepEqual(nextCompensation([open, done], late), {
      kind: 'leave',
      step: open,
      why: 'unsettled',
    })
    const left = { ...open, isLeft: true }
    assert.deepEqual(nextCompensation([left, done], late), { kind: 'undo', step: done })
    const undone = { ...done, state: 'undone' as const }
    assert.deepEqual(nextCompensation([left, undone], late), { kind: 'finish', state: 'stuck' })
  })
})

describe('a run that is completed', () => {
  test('executes what was deferred in its order, one after the other', () => {
    const first = step({ effectId: 'first', state: 'deferred', order: 1n })
    const second = step({ effectId: 'second', state: 'deferred', order: 2n })
    const clock = { nowMs: closedAtMs }
    assert.deepEqual(nextCompletion([second, first], clock), { kind: 'execute', step: first })
    const under = { ...first, state: 'executing' as const }
    assert.equal(nextCompletion([second, under], clock).kind, 'wait')
    const unknown = { ...first, state: 'unknown' as const }
    assert.deepEqual(nextCompletion([second, unknown], clock), { kind: 'probe', step: unknown })
    const done = { ...first, state: 'done' as const }
    assert.deepEqual(nextCompletion([second, done], clock), { kind: 'execute', step: second })
    assert.deepEqual(nextCompletion([done], clock), { kind: 'finish', state: 'completed' })
  })
})

test('a run ends once: nothing leads out of compensated or settled', () => {
  for (const to of ['open', 'completing', 'completed', 'compensating', 'stuck'] as const) {
    assert.equal(canMove('compensated', to), false)
    assert.equal(canMove('settled', to), false)
  }
  assert.equal(canMove('compensating', 'open'), false)
  assert.equal(canMove('completed', 'compensating'), true)
})

test('a denial counts as one of authority unless it says something else', () => {
  assert.equal(isDenialOfAuthority('policy.denied'), true)
  assert.equal(isDenialOfAuthority('budget.exceeded'), true)
  assert.equal(isDenialOfAuthority('hold.rejected'), true)
  assert.equal(isDenialOfAuthority('tool.unknown'), true)
  for (const code of ['effect.in_flight', 'tool.arguments_invalid', 'run.closed'] as const) {
    assert.equal(isDenialOfAuthority(code), false, code)
  }
})

test('a run has a plain name, and none can be the whole session’s', () => {
  for (const name of ['a', 'refund-7', 'A.b_c', 'x'.repeat(64)]) assert.equal(isRunName(name), true)
  for (const name of ['', '-a', 'a b', 'é', 'a/b', '../x', 'x'.repeat(65)]) {
    assert.equal(isRunName(name), false, name)
  }
})

describe('a preview', () => {
  const base = { hasUndo: true, undoUntilMs: undefined, inTheWay: [] }
  const cases: [string, Parameters<typeof foresee>[0], string][] = [
    ['what is done is undone', { ...base, step: step({ state: 'done' }) }, 'undo'],
    ['what waits is cancelled', { ...base, step: step({ state: 'deferred' }) }, 'cancel'],
    ['what is unknown is found out', { ...base, step: step({ state: 'unknown' }) }, 'find_out'],
    ['what failed needs nothing', { ...base, step: step({ state: 'failed' }) }, 'nothing'],
    [
      'what is irreversible stays',
      { ...base, step: step({ state: 'done', effectClass: 'irreversible' }) },
      'cannot',
    ],
    [
      'without an undo it stays',
      { ...base, hasUndo: false, step: step({ state: 'done' }) },
      'cannot',
    ],
    [
      'after its window it stays',
      { ...base, undoUntilMs: 5, step: step({ state: 'done' }) },
      'cannot',
    ],
    [
      'what a later call touched stays',
      { ...base, inTheWay: ['c9'], step: step({ state: 'done' }) },
      'cannot',
    ],
  ]
  for (const [name, outlook, verdict] of cases) {
    test(name, () => assert.equal(foresee(outlook, 10).verdict, verdict))
  }
})
