import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compareReplies } from './compare-replies.ts'
import { standingOf, upperBound } from './false-hits.ts'
import { readText } from './read-text.ts'
import { findVeto, type VetoKind } from './veto.ts'

function veto(a: string, b: string, unmatchedWords: 'refuse' | 'allow' = 'refuse') {
  return findVeto(readText(a), readText(b), { unmatchedWords })
}

test('what says the same in other words passes', () => {
  const pairs = [
    ['Is there a lift in the house?', 'Hello, is there an elevator in the house please?'],
    ['How do I renew my card?', "What's the best way to renew the card?"],
    ['On Linux, how do I list processes?', 'How can I list processes on Linux?'],
    ['Which trains carry bikes and dogs?', 'What trains carry dogs and bicycles?'],
    ['What is the price of two tickets?', 'How much are 2 tickets?'],
    ['What is the colour of the roof?', "What's the roof color?"],
    ['What do tickets for $5.00 include?', 'What do the tickets for 5 dollars include?'],
    [
      'How long does a two-hour pre-paid ticket last?',
      'How long does a 2-hour pre-paid ticket last',
    ],
    ['Is (a or b) and c true', 'Is (a or b) and c true?'],
    ['WHERE IS THE STATION?', 'Where is the station'],
  ] as const
  for (const [a, b] of pairs) assert.equal(veto(a, b), undefined, `${a} | ${b}`)
})

/** Each with words that only one has let pass, so that it is this veto that speaks. */
const refused: readonly (readonly [VetoKind, string, string])[] = [
  ['number', 'Book a table for two', 'Book a table for six'],
  ['number', 'Send me $20', 'Send me 20 euros'],
  ['number', 'Add twenty one apples', 'Add twenty two apples'],
  ['number', 'Convert €10', 'Convert $10'],
  ['number', 'Does it run on 3.10?', 'Does it run on 3.1?'],
  ['number', 'What is 2 * 3?', 'What is 2 / 3?'],
  ['number', 'What is 7 - 3?', 'What is 7, 3?'],
  ['number', 'What does x = y do?', 'What does x != y do?'],
  ['number', 'Is it -5 degrees?', 'Is it 5 degrees?'],
  ['number', '¿Cuánto son €10?', '¿Cuánto son $10?'],
  ['number', 'Is 5 mW enough?', 'Is 5 MW enough?'],
  ['code', 'Is (a and b) or c true?', 'Is a and (b or c) true?'],
  ['code', 'Run a && b', 'Run a || b'],
  ['code', 'What does !x do?', 'What does x do?'],
  ['entity', 'What is the IT budget?', 'What is it, the budget?'],
  ['entity', 'Is US steel dearer than us?', 'Is us steel dearer than US?'],
  ['date', 'Show the rows of May', 'Show the rows of may'],
  ['date', 'Is it open on Tuesday?', 'Is it open on Thursday?'],
  ['relative time', 'Is it open today?', 'Is it open today?'],
  ['code', 'Open INC-1042', 'Open INC-1043'],
  ['code', 'Write to a@b.example', 'Write to a@c.example'],
  ['quotation', 'Who said "yes"?', 'Who said "no"?'],
  ['entity', 'Does Maria work here?', 'Does Tamara work here?'],
  ['negation', 'Which seats have legroom?', "Which seats don't have legroom?"],
  ['opposite', 'How do I enable alerts?', 'How do I disable alerts?'],
  ['opposite', 'How do I turn on the oven?', 'How do I turn off the oven?'],
  ['question', 'When does it open?', 'Where does it open?'],
  ['question', 'Can I cancel?', 'How do I cancel?'],
  ['person', 'What is my number?', 'What is your number?'],
  ['direction', 'Trains from Rome to Bari', 'Trains from Bari to Rome'],
  ['tense', 'What changed the price?', 'What change the price?'],
  ['narrowing', 'Show some rows', 'Show every row'],
  ['order', 'Did Ann pay Bob?', 'Did Bob pay Ann?'],
  ['language', 'Where is the station?', 'Wo ist der Bahnhof?'],
  ['length', 'Reset it', 'Reset it without losing photos contacts notes or music please'],
  ['unreadable', '', 'What?'],
]

test('each veto refuses alone, also where unmatched words are let pass', () => {
  for (const [kind, a, b] of refused) assert.equal(veto(a, b, 'allow'), kind, `${a} | ${b}`)
})

test('a word that nobody knows is refused, unless the manifest lets it pass', () => {
  assert.equal(veto('How do I bake bread?', 'How do I bake rye bread?'), 'words')
  assert.equal(veto('How do I bake bread?', 'How do I bake rye bread?', 'allow'), undefined)
})

test('a veto does not depend on which of the two was cached', () => {
  const words = fc.constantFrom(
    ...'how do i not pay my the two 3 from to rome card off on today open close "yes" it'.split(
      ' ',
    ),
  )
  const sentence = fc.array(words, { minLength: 1, maxLength: 9 }).map((all) => all.join(' '))
  fc.assert(
    fc.property(sentence, sentence, (a, b) => {
      assert.equal(veto(a, b) === undefined, veto(b, a) === undefined)
    }),
  )
})

test('no text makes the reading fail', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
      const found = veto(text, text)
      // A text is like itself unless it cannot be read, or asks about the present.
      assert(found === undefined || found === 'unreadable' || found === 'relative time')
    }),
  )
})

test('the evidence is enough only when the rate is surely within the budget', () => {
  assert.equal(standingOf({ agree: 0, differ: 0, unsure: 0 }, 0.005).isWithinBudget, false)
  assert.equal(standingOf({ agree: 538, differ: 0, unsure: 0 }, 0.005).isWithinBudget, false)
  assert.equal(standingOf({ agree: 539, differ: 0, unsure: 0 }, 0.005).isWithinBudget, true)
  assert.equal(standingOf({ agree: 600, differ: 1, unsure: 0 }, 0.005).isWithinBudget, false)
  assert.equal(standingOf({ agree: 600, differ: 0, unsure: 1 }, 0.005).isWithinBudget, false)
  fc.assert(
    fc.property(fc.nat(500), fc.nat(500), (falseHits, more) => {
      const pairs = falseHits + more
      assert(upperBound(falseHits, pairs) >= (pairs === 0 ? 1 : falseHits / pairs))
    }),
  )
})

test('replies agree, differ, or nobody knows', () => {
  assert.equal(compareReplies('It is open.', 'It is open'), 'agree')
  assert.equal(compareReplies('It costs $5 a day.', 'It costs $6 a day.'), 'differ')
  assert.equal(compareReplies('Go to settings.', 'Bananas grow in bunches.'), 'differ')
  const long = 'Open the settings, choose the account and press the red button there.'
  const other = 'Choose the account in the settings and press the button.'
  assert.equal(compareReplies(long, other), 'unsure')
})
