import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { CsvReader, rowCharactersMax, writeCsvRow } from './csv.ts'

function readAll(pieces: readonly string[], delimiter = ','): string[][] {
  const reader = new CsvReader(delimiter)
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.finish()]
}

describe('a CSV file', () => {
  const cases: [string, string, string[][]][] = [
    [
      'with CRLF',
      'a,b\r\n1,2\r\n',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'with LF and no last break',
      'a,b\n1,2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    ['with CR alone', 'a\r1\r', [['a'], ['1']]],
    ['with quotes, commas and breaks in quotes', '"a ""x""","b,\r\nc"\r\n', [['a "x"', 'b,\r\nc']]],
    [
      'with empty fields',
      'a,,\r\n,,b\r\n',
      [
        ['a', '', ''],
        ['', '', 'b'],
      ],
    ],
    ['with a byte order mark', '\uFEFFa\r\n', [['a']]],
    ['with blank lines, which are no rows', 'a\r\n\r\n\n1\n\n', [['a'], ['1']]],
    ['with one empty field in quotes', '""\r\n', [['']]],
    ['with nothing', '', []],
  ]
  for (const [name, text, rows] of cases) {
    it(name, () => {
      assert.deepEqual(readAll([text]), rows)
      assert.deepEqual(readAll(Array.from(text)), rows)
    })
  }

  it('has other delimiters when it is told so', () => {
    assert.deepEqual(readAll(['a\tb,c\n'], '\t'), [['a', 'b,c']])
  })

  it('is read as it was written, however it is cut', () => {
    const field = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"', ',', '\r\n', '', 'a,"b"\n'),
    )
    const rows = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 5 })
    fc.assert(
      fc.property(rows, fc.array(fc.nat(200), { maxLength: 6 }), (written, cuts) => {
        // A mark at the very start is no text of the first field.
        const text = `x\r\n${written.map(writeCsvRow).join('')}`
        const places = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length]
        const sorted = places.toSorted((one, other) => one - other)
        const pieces = sorted.map((place, index) => text.slice(sorted[index - 1] ?? 0, place))
        assert.deepEqual(readAll(pieces), [['x'], ...written])
      }),
    )
  })

  const wrong: [string, string, RegExp][] = [
    ['a quote that is not closed', 'a\n"b', /^row 2 is no CSV: a quote is not closed$/],
    ['text after a closed quote', '"a"b\n', /^row 1 is no CSV: text follows a closed quote$/],
    ['a quote within a plain field', 'a"b\n', /^row 1 is no CSV: a quote stands within/],
    ['a row without an end', 'x'.repeat(rowCharactersMax + 1), /^row 1 is no CSV: it is too long$/],
    ['too many fields', `${','.repeat(1001)}\n`, /^row 1 is no CSV: it has too many fields$/],
  ]
  for (const [name, text, message] of wrong) {
    it(`is refused for ${name}`, () => {
      assert.throws(() => readAll([text]), { name: 'SyntaxError', message })
    })
  }
})
