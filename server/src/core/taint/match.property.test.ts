import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { digestFragment, findFragments, packDigests } from './digest.ts'
import { originsByArgument, wantedFragments } from './match.ts'
import { sourceFragments } from './source.ts'
import type { OriginsByArgument } from './taint.ts'

type Source = { readonly origins: readonly string[]; readonly content: unknown }

const key = Buffer.alloc(32, 7)

/** As the gateway does it: what is remembered goes through the stored form. */
function originsIn(sources: readonly Source[], args: Record<string, unknown>): OriginsByArgument {
  const wanted = wantedFragments(args)
  const byDigest = new Map([...wanted.fragments].map((one) => [digestFragment(key, one), one]))
  const fragments = new Map<string, Set<string>>()
  const everything = new Set<string>()
  for (const { origins, content } of sources) {
    const read = sourceFragments(content)
    const packed = packDigests([...read.fragments].map((one) => digestFragment(key, one)))
    for (const origin of origins) {
      const known = fragments.get(origin) ?? new Set<string>()
      fragments.set(origin, known)
      if (read.isEverything) everything.add(origin)
      findFragments(packed, byDigest, (fragment) => known.add(fragment))
    }
  }
  return originsByArgument(wanted, { fragments, everything })
}

const word = fc.stringMatching(/^[a-zA-Z0-9]{1,12}$/)
const prose = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(' '))
const anyText = fc.oneof(
  prose,
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.emailAddress(),
  fc.webUrl(),
)
const leaf = fc.oneof(anyText, fc.integer(), fc.double({ noNaN: true }), fc.constant(null))
const json = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 4 }),
  fc.dictionary(fc.constantFrom('to', 'body', 'id'), leaf),
)
const source = fc.record({
  origins: fc.subarray(['user', 'web', 'tool:a/b', 'tool:c/d'], { minLength: 1 }),
  content: json,
})
const sources = fc.array(source, { maxLength: 5 })
const args = fc.dictionary(fc.constantFrom('to', 'body', 'amount'), json)

/** Origins that say something; `unknown` is the lack of one. */
function knownOf(origins: readonly string[] | undefined): string[] {
  return (origins ?? []).filter((origin) => origin !== 'unknown')
}

/** What a copy may look like and still be the same value. */
const disguises: readonly [string, (text: string) => string][] = [
  ['upper case', (text) => text.toUpperCase()],
  ['lower case', (text) => text.toLowerCase()],
  ['NFC', (text) => text.normalize('NFC')],
  ['NFD', (text) => text.normalize('NFD')],
  ['NFKC', (text) => text.normalize('NFKC')],
  ['NFKD', (text) => text.normalize('NFKD')],
  ['white space around', (text) => `\n\t  ${text}\u00a0 `],
  ['wide spaces', (text) => text.replaceAll(' ', ' \u3000\t ')],
  ['zero-width signs', (text) => text.replaceAll(/(?=.)/gu, '\u200b')],
  ['soft hyphens', (text) => text.replaceAll(/(?=.)/gu, '\u00ad')],
  ['quotes around', (text) => `"${text}"`],
  ['full-width letters', (text) => text.replaceAll(/[!-~]/g, fullWidth)],
  ['accents', (text) => text.replaceAll('e', 'e\u0301')],
]

function fullWidth(letter: string): string {
  return String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0)
}

suite('laws of origins', () => {
  test('more that was read never takes an origin away', () => {
    fc.assert(
      fc.property(sources, source, args, (before, more, given) => {
        const less = originsIn(before, given)
        const after = originsIn([...before, more], given)
        for (const [name, origins] of Object.entries(less)) {
          for (const origin of knownOf(origins)) assert.ok(after[name]?.includes(origin))
        }
      }),
    )
  })

  test('the order in which things were read changes nothing', () => {
    fc.assert(
      fc.property(sources, args, (read, given) => {
        assert.deepEqual(originsIn(read.toReversed(), given), originsIn(read, given))
      }),
    )
  })

  test('the order of arguments, and how deep a value lies, take no origin away', () => {
    fc.assert(
      fc.property(sources, leaf, (read, value) => {
        const flat = knownOf(originsIn(read, { to: value })['to'])
        const deep = originsIn(read, { body: 'x', to: { list: [value] } })['to']
        for (const origin of flat) assert.ok(deep?.includes(origin))
      }),
    )
  })

  test('an exact copy of a value has its origin, and nothing of it is unknown', () => {
    fc.assert(
      fc.property(sources, leaf, (others, content) => {
        fc.pre(content !== null && String(content).trim() !== '')
        fc.pre(sourceFragments(content).fragments.size > 0)
        const read = [...others, { origins: ['web'], content: { page: [content] } }]
        assert.ok(originsIn(read, { to: content })['to']?.includes('web'))
        assert.ok(!originsIn(read, { to: content })['to']?.includes('unknown'))
      }),
    )
  })

  for (const [name, disguise] of disguises) {
    test(`a copy is not washed by ${name}`, () => {
      fc.assert(
        fc.property(fc.oneof(prose, fc.emailAddress(), fc.webUrl()), (content) => {
          const read = [{ origins: ['web'], content }]
          const found = originsIn(read, { to: disguise(content) })['to']
          assert.deepEqual(found, ['web'], JSON.stringify([content, disguise(content)]))
        }),
      )
    })
  }

  test('an address quoted out of a page is found inside a message', () => {
    fc.assert(
      fc.property(fc.emailAddress(), prose, prose, (address, before, after) => {
        const read = [{ origins: ['web'], content: `${before} write to <${address}>, ${after}` }]
        const sent = originsIn(read, { to: address, body: `Dear all, ask ${address}!` })
        assert.ok(sent['to']?.includes('web'))
        assert.ok(sent['body']?.includes('web'))
      }),
    )
  })

  test('what was read nowhere is unknown, and only that', () => {
    const read = [{ origins: ['web'], content: 'The weather in Paris is fine today.' }]
    assert.deepEqual(originsIn(read, { to: 'zebra@example.org' })['to'], ['unknown'])
  })

  test('what is too long to be remembered may be everywhere', () => {
    const long = Array.from({ length: 30_000 }, (_, index) => `word${index}`).join(' ')
    const read = [{ origins: ['web'], content: long }]
    assert.deepEqual(originsIn(read, { to: 'zebra' })['to'], ['unknown', 'web'])
  })

  test('an argument that is too long to be looked through has every origin of the session', () => {
    const read = [{ origins: ['web'], content: 'a page' }]
    const long = Array.from({ length: 20_000 }, (_, index) => `word${index}`).join(' ')
    assert.deepEqual(originsIn(read, { body: long })['body'], ['unknown', 'web'])
  })
})
