import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { array, assert as assertLaw, constantFrom, property } from 'fast-check'
import {
  namesIn,
  numberPlaceholders,
  placeholderNames,
  splitPlaceholders,
} from './sql-placeholders.ts'

suite('placeholders of a statement', () => {
  const cases: [sql: string, names: string[]][] = [
    ['SELECT :a, :b_2, :a', ['a', 'b_2']],
    ["SELECT ':no', E'\\':no', ':no''', :yes", ['yes']],
    ["SELECT E'a'\n':no \\' :no' || :yes", ['yes']],
    ['SELECT ":no", ":no"":no" -- :no\n, :yes', ['yes']],
    ['SELECT /* :no /* :no */ :no */ :yes', ['yes']],
    ['SELECT $$:no$$, $a$ $$ :no $a$, :yes', ['yes']],
    ['SELECT 1::int, x::text[1], :yes::int', ['yes']],
    ['CALL f(a := :yes)', ['yes']],
    ["SELECT 'not closed :no", ['no']],
    ['', []],
  ]
  for (const [sql, names] of cases) {
    test(JSON.stringify(sql), () => assert.deepEqual(placeholderNames(sql), names))
  }

  test('the pieces, put together, are the statement', () => {
    const texts = array(
      constantFrom(
        "'",
        '"',
        ':a',
        '::',
        '$1',
        '$$',
        '$q$',
        '--',
        '\n',
        '/*',
        '*/',
        "E'",
        '\\',
        'x',
      ),
    )
    assertLaw(
      property(texts, (parts) => {
        const sql = parts.join('')
        const joined = splitPlaceholders(sql)
          .map((piece) => (piece.kind === 'parameter' ? `:${piece.name}` : piece.text))
          .join('')
        assert.equal(joined, sql)
      }),
    )
  })

  test('a parameter that comes twice has one number, with its type', () => {
    const numbered = numberPlaceholders('SELECT :b, :a, :b', () => 'text')
    assert.equal(numbered.text, 'SELECT ($1::text), ($2::text), ($1::text)')
    assert.deepEqual(numbered.names, ['b', 'a'])
  })

  test('a number that is written is told, because it would take the place of a parameter', () => {
    const kinds = splitPlaceholders("SELECT $1, '$2', a$3").map((piece) => piece.kind)
    assert.deepEqual(kinds, ['sql', 'positional', 'sql'])
  })

  test('names are words and quoted names, and nothing in strings or comments', () => {
    const sql = 'SELECT "A b", Total FROM s.t -- no\nWHERE x = \'no\' /* no */ AND y = $$no$$'
    assert.deepEqual(namesIn(sql), [
      'select',
      'A b',
      'total',
      'from',
      's',
      't',
      'where',
      'x',
      'and',
      'y',
    ])
  })
})
