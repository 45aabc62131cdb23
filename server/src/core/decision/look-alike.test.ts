import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { foldText, onlyLooks } from './look-alike.ts'

/** What can be put between or instead of the letters of a text without changing how it looks. */
const invisible = ['\u200B', '\u00AD', '\u2060', '\uFE0F', '\u034F', '\u202E', '\u0007']
const full = (text: string): string =>
  Array.from(text, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0)).join('')

const wordArbitrary = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/)

suite('look-alikes', () => {
  test('a word with invisible characters anywhere in it looks like the word, and is not it', () => {
    fc.assert(
      fc.property(wordArbitrary, fc.constantFrom(...invisible), fc.nat(12), (word, hidden, at) => {
        const place = at % (word.length + 1)
        const text = word.slice(0, place) + hidden + word.slice(place)
        assert.equal(onlyLooks('equals', text, word), true)
        // At its ends they leave the word whole, and then it is found as it is.
        assert.equal(onlyLooks('contains', `see: ${text}!`, word), !text.includes(word))
      }),
    )
  })

  test('full-width letters look like the plain ones in every test of texts', () => {
    fc.assert(
      fc.property(wordArbitrary, (word) => {
        for (const name of ['equals', 'startsWith', 'endsWith', 'contains'] as const) {
          assert.equal(onlyLooks(name, full(word), word), true)
        }
      }),
    )
  })

  test('a text never only looks like itself, nor plain ASCII like other plain ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        assert.equal(onlyLooks('equals', text, text), false)
      }),
    )
    fc.assert(
      fc.property(wordArbitrary, wordArbitrary, (one, other) => {
        assert.equal(onlyLooks('equals', one, other), false)
      }),
    )
  })

  test('folding a folded text changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        assert.equal(foldText(foldText(text)), foldText(text))
      }),
    )
  })

  test('words of other scripts, and another case, are no look-alikes', () => {
    for (const [text, wanted] of [
      ['Москва', 'Mockba!'],
      ['Ελλάδα', 'Greece'],
      ['東京', 'Tokyo'],
      ['KÖLN', 'köln'],
      ['café', 'cafe'],
      ['anything', ''],
    ] as const) {
      assert.equal(onlyLooks('equals', text, wanted), false, text)
    }
  })

  test('letters of one script between those of another are', () => {
    for (const [text, wanted] of [
      ['pаypаl', 'paypal'],
      ['ΑΡΡLE', 'APPLE'],
      ['раураl', 'paypal'],
      ['１００', '100'],
      ['٥٠٠٠', '5000'],
      ['Ko\u0308ln', 'Köln'],
      ['a–b', 'a-b'],
    ] as const) {
      assert.equal(onlyLooks('equals', text, wanted), true, text)
    }
  })

  test('a text that is too long to judge is an error, not a guess', () => {
    assert.throws(() => onlyLooks('equals', 'é'.repeat(100_001), 'x'), RangeError)
    assert.equal(onlyLooks('equals', 'e'.repeat(100_001), 'x'), false)
  })
})
