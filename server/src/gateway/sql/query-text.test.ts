import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { array, assert as assertLaw, constantFrom, property } from 'fast-check'
import { readQueryNames } from './query-text.ts'

suite('calls in a text of SQL', () => {
  const calls: [sql: string, name: string][] = [
    ['SELECT pg_sleep(1)', 'pg_sleep'],
    ['SELECT PG_Sleep (1)', 'pg_sleep'],
    ['SELECT "pg_sleep"(1)', 'pg_sleep'],
    ['SELECT pg_catalog."pg_sleep" (1)', 'pg_sleep'],
    ['SELECT pg_sleep/* /* ( */ */(1)', 'pg_sleep'],
    ['SELECT pg_sleep--(\n(1)', 'pg_sleep'],
    ['SELECT pg_sleep\v\f\r\n(1)', 'pg_sleep'],
    ["SELECT E'a'\n'\\'', pg_sleep(1), '\\''", 'pg_sleep'],
    ['SELECT \'"\', "pg_sleep"(1), \'"\'', 'pg_sleep'],
    ['SELECT "a""b"(1)', 'a"b'],
  ]
  for (const [sql, name] of calls) {
    test(JSON.stringify(sql), () => assert.ok(readQueryNames(sql).called.includes(name)))
  }

  const refused = [
    'SELECT U&"pg\\005fsleep"(1)',
    'SELECT TREAT(1 AS pg_sleep)',
    'SELECT treat/**/(1 AS pg_sleep)',
    "SELECT 'a'::regclass",
    "SELECT '{a}'::_regclass",
    'SELECT 1\0',
  ]
  for (const sql of refused) {
    test(`refuses ${JSON.stringify(sql)}`, () => {
      assert.notEqual(readQueryNames(sql).refused, undefined)
    })
  }

  test('refuses more comments than can be walked in little time', () => {
    for (const comment of ['/*a', 'a--']) {
      assert.notEqual(readQueryNames(comment.repeat(5000)).refused, undefined)
    }
  })

  test('a column, a keyword and a string are no calls', () => {
    const { called, refused: found } = readQueryNames("SELECT version, 'x' FROM t WHERE a > 1")
    assert.deepEqual(called, [])
    assert.equal(found, undefined)
  })

  test('a call is found whatever stands before it', () => {
    const noise = array(
      constantFrom("'", '"', '$$', '$a$', '--', '\n', '/*', '*/', "E'", '\\', ' ', ',', '(', 'a'),
    )
    assertLaw(
      property(noise, noise, (before, after) => {
        const sql = `${before.join('')} pg_sleep(1) ${after.join('')}`
        assert.ok(readQueryNames(sql).called.includes('pg_sleep'))
      }),
    )
  })
})
