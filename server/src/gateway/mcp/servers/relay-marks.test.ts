import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  allMarks,
  capabilitiesOf,
  marksInName,
  marksOf,
  nameClient,
  narrowMarks,
  type RelayKind,
} from './relay-marks.ts'

const kinds = fc.subarray<RelayKind>(['sampling', 'elicitation', 'roots'])
const object = fc.constant({})
const modes = fc.record({ form: object, url: object }, { requiredKeys: [] })
const more = fc.record({ tools: object, context: object }, { requiredKeys: [] })
const capabilities = fc.record(
  { sampling: more, elicitation: modes, roots: object },
  { requiredKeys: [] },
)

test('a server is told what the manifest relays and the client has, and nothing else', () => {
  fc.assert(
    fc.property(capabilities, kinds, (has, relay) => {
      const told = capabilitiesOf(narrowMarks(marksOf(has), relay))
      for (const kind of ['sampling', 'elicitation', 'roots'] as const) {
        const isRelayed = relay.includes(kind) && has[kind] !== undefined
        assert.equal(told[kind] !== undefined, isRelayed, kind)
      }
      if (told.sampling !== undefined) assert.deepEqual(told.sampling, { ...has.sampling })
      const hasUrl = has.elicitation?.url !== undefined
      assert.equal(told.elicitation?.url !== undefined, relay.includes('elicitation') && hasUrl)
    }),
  )
})

test('marks that a client makes up are those of the manifest or none', () => {
  fc.assert(
    fc.property(fc.string(), kinds, (text, relay) => {
      const all = allMarks(relay)
      const marks = narrowMarks(marksInName(`client.${text}`), relay)
      assert(marks.length <= all.length)
      for (const mark of marks) assert(all.includes(mark))
      assert.equal(narrowMarks(marks, relay), marks)
    }),
  )
})

test('the name of a client keeps its marks, and has none where it has none', () => {
  fc.assert(
    fc.property(fc.uuid(), kinds, (name, relay) => {
      assert.equal(marksInName(nameClient(name, allMarks(relay))), allMarks(relay))
    }),
  )
  assert.equal(nameClient('a-client', ''), 'a-client')
})

test('an elicitation that names no mode is the form', () => {
  assert.deepEqual(capabilitiesOf(marksOf({ elicitation: {} })), { elicitation: { form: {} } })
})
