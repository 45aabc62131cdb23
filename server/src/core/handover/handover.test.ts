import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handoverStates, isLive, refusesActing, refusesTaking } from './handover.ts'

test('only who took a live handover may act in it', () => {
  for (const state of handoverStates) {
    for (const takenBy of [undefined, 'me', 'you']) {
      const may = refusesActing({ state, takenBy }, 'me') === undefined
      assert.equal(may, state === 'taken' && takenBy === 'me', `${state} ${takenBy}`)
    }
  }
})

test('a handover is taken from another only where that is asked for, and never once it is over', () => {
  for (const state of handoverStates) {
    for (const takenBy of [undefined, 'me', 'you']) {
      for (const fromAnother of [false, true]) {
        const refusal = refusesTaking({ state, takenBy }, { operatorId: 'me', fromAnother })
        const may = isLive(state) && (takenBy !== 'you' || fromAnother)
        assert.equal(refusal === undefined, may, `${state} ${takenBy} ${fromAnother}`)
      }
    }
  }
})
