// What must never happen to a log, tried: two checkpoints of one size, or an acknowledged entry that
// no checkpoint has. Real processes on a real PostgreSQL; they die by SIGKILL.
import assert from 'node:assert/strict'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { standDrillGround } from './drill-ground.ts'

const steps = [
  'tiles',
  'tiles.done',
  'local.done',
  'claim.done',
  'database.done',
  'witnesses.done',
  'publish.done',
]

for (const kill of steps) {
  test(`SIGKILL at "${kill}" leaves a log that goes on: no fork, no lost entry`, async () => {
    await using ground = await standDrillGround()
    await ground.append(40)
    await ground.integrate()
    await ground.append(300)
    const killed = await ground.integrate({ kill })
    assert.equal(killed.signal, 'SIGKILL')
    await ground.look()
    // Killed again by the same step, with more entries and without.
    await ground.integrate({ kill })
    await ground.look()
    await ground.append(7)
    const { code, size } = await ground.integrate()
    assert.deepEqual([code, size], ['', 347])
    assert.equal(await ground.checkWhole(), 347)
  })
}

test('what was signed before a SIGKILL is published although nothing is added', async () => {
  for (const kill of ['local.done', 'claim.done', 'database.done']) {
    await using ground = await standDrillGround()
    await ground.append(10)
    await ground.integrate({ kill })
    const { size } = await ground.integrate()
    assert.equal(size, 10, kill)
    await ground.checkWhole()
  }
})

test('two integrators at once, both without the lock, sign one history', async () => {
  await using ground = await standDrillGround()
  const others = await ground.temporary()
  // The same keys, and another record of what was signed.
  await ground.append(5)
  await ground.integrate()
  await cp(join(ground.data, 'keystore.json'), join(others, 'keystore.json'))
  const writes = { isDone: false }
  const writing = (async () => {
    for (let turn = 0; turn < 25; turn += 1) await ground.append(37)
    writes.isDone = true
  })()
  while (!writes.isDone) {
    const endings = await Promise.all([
      ground.integrate({ unlocked: true, turns: '20' }),
      ground.integrate({ unlocked: true, turns: '20', data: others }),
    ])
    assert.deepEqual(
      endings.map(({ code }) => code),
      ['', ''],
    )
    await ground.look()
  }
  await writing
  await ground.integrate()
  assert.equal(await ground.checkWhole(), 5 + 25 * 37)
})

test('a database that was restored from a backup is refused, as long as it is shorter', async () => {
  await using ground = await standDrillGround()
  await ground.append(50)
  await ground.integrate()
  const backup = await ground.copyDatabase()
  await ground.append(50)
  await ground.integrate()
  assert.equal((await ground.integrate({ database: backup })).code, 'log.forked')
  await ground.look()
})

test('a restored database that has grown anew is refused, by any record alone', async () => {
  await using ground = await standDrillGround()
  await ground.append(50)
  await ground.integrate()
  const backup = await ground.copyDatabase()
  await ground.append(50)
  await ground.integrate()
  await ground.append(90, backup)
  assert.equal((await ground.integrate({ database: backup })).code, 'log.forked')
  // The machine's record alone, with an empty store; and the store alone, on another machine.
  const empty = await ground.temporary()
  assert.equal((await ground.integrate({ database: backup, store: empty })).code, 'log.forked')
  await rm(join(ground.data, 'last-signed'), { recursive: true })
  assert.equal((await ground.integrate({ database: backup })).code, 'log.forked')
  // What was published alone: others may have read it.
  const names = await readdir(ground.store, { withFileTypes: true })
  for (const { name } of names.filter((entry) => entry.isDirectory())) {
    await rm(join(ground.store, name, 'signed'), { force: true })
  }
  assert.equal((await ground.integrate({ database: backup })).code, 'log.forked')
  await ground.checkWhole()
})

test('a second database that writes to the same store is refused', async () => {
  await using ground = await standDrillGround()
  await ground.append(50)
  await ground.integrate()
  const clone = await ground.copyDatabase()
  const data = await ground.temporary()
  await cp(ground.data, data, { recursive: true })
  await ground.append(10)
  await ground.append(10, clone)
  const both = await Promise.all([
    ground.integrate({ turns: '3' }),
    ground.integrate({ turns: '3', database: clone, data }),
  ])
  // Whoever comes first goes on; the other finds another tree and stops.
  assert.deepEqual(both.map(({ code }) => code).toSorted(), ['', 'log.forked'])
})

test('a disk that is full at any write stops signing, and nothing else', async () => {
  await using ground = await standDrillGround()
  await ground.append(600)
  for (let full = 1; full <= 12; full += 1) {
    const { code, failures } = await ground.integrate({ full: String(full) })
    assert.equal(code, '')
    assert(full > 5 || failures.length > 0, `write ${full}`)
    await ground.look()
    await ground.append(3)
  }
  await ground.integrate()
  assert.equal(await ground.checkWhole(), 600 + 12 * 3)
})

test('tiles that were lost are made again from the entries', async () => {
  await using ground = await standDrillGround()
  await ground.append(700)
  await ground.integrate()
  const shard = (await readdir(ground.store)).find((name) => !name.startsWith('.')) ?? ''
  await rm(join(ground.store, shard), { recursive: true })
  await ground.append(1)
  const { code, size } = await ground.integrate()
  assert.deepEqual([code, size], ['', 701])
  await ground.checkWhole()
})

test('a clock that jumps ten years forth or back changes nothing that is signed', async () => {
  await using ground = await standDrillGround()
  for (const days of ['0', '3650', '-3650', '0']) {
    await ground.append(20)
    const { code, failures } = await ground.integrate({ 'clock-days': days })
    assert.deepEqual([code, failures], ['', []])
  }
  assert.equal(await ground.checkWhole(), 80)
})
