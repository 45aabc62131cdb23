import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CallIndexes } from './call-indexes.ts'

function indexesOf(...fragments: readonly object[]): number[] {
  const indexes = new CallIndexes()
  return fragments.map((fragment) => indexes.take(fragment))
}

const begin = (id: string, index?: number): object => ({
  id,
  ...(index === undefined ? {} : { index }),
  function: { name: 'look_up', arguments: '' },
})
const more = (index?: number): object => ({
  ...(index === undefined ? {} : { index }),
  function: { arguments: '{}' },
})

describe('the index of a tool call', () => {
  it('is the one that the provider gives', () => {
    const all = [begin('a', 0), begin('b', 1), more(0), more(1), more(0)]
    assert.deepEqual(indexesOf(...all), [0, 1, 0, 1, 0])
  })

  it('counts up with each call that has none, and fragments go on with the last', () => {
    assert.deepEqual(indexesOf(begin('a'), more(), begin('b'), more()), [0, 0, 1, 1])
  })

  it('tells calls apart that all have the same one', () => {
    const all = [begin('a', 0), more(0), begin('b', 0), more(0), begin('c', 0)]
    assert.deepEqual(indexesOf(...all), [0, 0, 1, 1, 2])
  })

  it('stays when a provider repeats id and name with each fragment', () => {
    assert.deepEqual(indexesOf(begin('a', 0), begin('a', 0), begin('b', 1)), [0, 0, 1])
  })
})
