import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeDeletion, ShardDeletions } from './deletions.ts'

const at = '2034-02-01T00:00:00.000Z'
const end = { checkpoint: 'hash', log: '1', root: 'root', size: 300 }

function heard(index: number, type: string, body: object = end) {
  return { index, type, at, entry: JSON.stringify({ body, type }) }
}

test('a deletion is told with the entry that announced it, also where that is in another log', () => {
  const here = new ShardDeletions('9')
  here.add(heard(4, 'log.shard_deleting'))
  const [announced] = here.list()
  assert(announced !== undefined)
  assert.equal(
    describeDeletion(announced),
    'log 1 of 300 entries: to be deleted, announced by entry 9:4',
  )
  here.add(heard(7, 'log.shard_deleted', { announced: '9:4', ...end }))
  const [deleted] = here.list()
  assert.partialDeepStrictEqual(deleted, { ...end, announcedBy: '9:4', deletedAt: at })
  const later = new ShardDeletions('10')
  later.add(heard(0, 'log.shard_deleted', { announced: '9:4', ...end }))
  assert.deepEqual(later.list(), [deleted])
})

test('entries that contradict each other, or say nothing, are refused', () => {
  for (const other of [{ size: 299 }, { root: 'x' }, { checkpoint: 'x' }, { announced: '9:5' }]) {
    const log = new ShardDeletions('9')
    log.add(heard(4, 'log.shard_deleting'))
    const contradiction = heard(7, 'log.shard_deleted', { announced: '9:4', ...end, ...other })
    assert.throws(() => log.add(contradiction), /another end of log 1/)
  }
  const log = new ShardDeletions('9')
  assert.throws(() => log.add(heard(0, 'log.shard_deleting', { log: '1' })), /no deletion/)
  log.add(heard(1, 'call.intent', { log: '1' }))
  assert.deepEqual(log.list(), [])
})
