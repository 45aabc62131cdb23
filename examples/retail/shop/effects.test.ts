import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createWorld, journalRows, openShop, runTool, seedShop, worldDigest } from '../index.ts'
import type { Shop } from '../index.ts'
import { generateShop } from '../seed/generate.ts'
import { createTestDatabase, skipWithoutDatabase } from '../test-database.ts'
import { sevenWrites } from '../test-writes.ts'
import type { WriteCall } from '../test-writes.ts'

const writes = sevenWrites(generateShop(1))

async function openSeeded(url: string): Promise<Shop> {
  const shop = await openShop({ databaseUrl: url, poolMax: 8 })
  await seedShop(shop, { name: 'generated', source: { kind: 'generated', seed: 1 } })
  return shop
}

async function run(shop: Shop, world: string, write: WriteCall, effectKey: string) {
  return runTool(shop, { world, ...write, effectKey })
}

async function ask(shop: Shop, world: string, tool: string, effectKey: string): Promise<string> {
  const result = await runTool(shop, { world, tool, arguments: { effect_key: effectKey } })
  return result.text
}

describe('effects of the retail shop', { skip: skipWithoutDatabase }, () => {
  it('undoes each of the seven writes so that the whole database is as before', async () => {
    await using database = await createTestDatabase()
    await using shop = await openSeeded(database.url)
    await createWorld(shop, 'undo', 'generated')
    const before = await worldDigest(shop, 'undo')
    for (const [index, write] of writes.entries()) {
      const key = `key-${index}`
      const done = await run(shop, 'undo', write, key)
      assert.equal(done.isError, false, `${write.tool}: ${done.text}`)
      assert.notEqual(await worldDigest(shop, 'undo'), before, `${write.tool} changes the database`)
      const probe: unknown = JSON.parse(await ask(shop, 'undo', 'probe_effect', key))
      assert.deepEqual(probe, { found: true, tool: write.tool, result: done.text, undone: false })
      assert.match(await ask(shop, 'undo', 'undo_effect', key), /"undone":true/)
      assert.equal(await worldDigest(shop, 'undo'), before, `${write.tool} is undone`)
      assert.match(await ask(shop, 'undo', 'probe_effect', key), /"undone":true/)
      assert.match(await ask(shop, 'undo', 'undo_effect', key), /^Error: .*already undone/)
    }
  })

  it('undoes all seven writes together in reverse order', async () => {
    await using database = await createTestDatabase()
    await using shop = await openSeeded(database.url)
    await createWorld(shop, 'all', 'generated')
    const before = await worldDigest(shop, 'all')
    for (const [index, write] of writes.entries())
      assert.equal((await run(shop, 'all', write, `key-${index}`)).isError, false)
    for (const index of [...writes.keys()].toReversed())
      assert.match(await ask(shop, 'all', 'undo_effect', `key-${index}`), /"undone":true/)
    assert.equal(await worldDigest(shop, 'all'), before)
  })

  it('refuses to undo what a later write has changed, and what is unknown', async () => {
    await using database = await createTestDatabase()
    await using shop = await openSeeded(database.url)
    await createWorld(shop, 'later', 'generated')
    const write = writes.find(({ tool }) => tool === 'modify_user_address')
    assert(write)
    const later = { ...write, arguments: { ...write.arguments, address1: '2 Later Way' } }
    await run(shop, 'later', write, 'first')
    await run(shop, 'later', later, 'second')
    const after = await worldDigest(shop, 'later')
    assert.match(await ask(shop, 'later', 'undo_effect', 'first'), /^Error: .*changed since/)
    assert.match(await ask(shop, 'later', 'undo_effect', 'never'), /^Error: /)
    assert.equal(await worldDigest(shop, 'later'), after)
    assert.equal(await ask(shop, 'later', 'probe_effect', 'never'), '{"found":false}')
    await createWorld(shop, 'elsewhere', 'generated')
    assert.equal(await ask(shop, 'elsewhere', 'probe_effect', 'first'), '{"found":false}')
  })

  it('journals an executed write exactly once and a failed one not at all', async () => {
    await using database = await createTestDatabase()
    await using shop = await openSeeded(database.url)
    await createWorld(shop, 'journal', 'generated')
    const [cancel] = writes
    assert(cancel)
    const refused = { ...cancel, arguments: { ...cancel.arguments, reason: 'bored' } }
    assert.equal((await run(shop, 'journal', refused, 'a')).isError, true)
    assert.deepEqual(await journalRows(shop, { world: 'journal' }), [])
    const results = await Promise.all([
      run(shop, 'journal', cancel, 'b'),
      run(shop, 'journal', cancel, 'b'),
    ])
    assert.equal(results.filter((result) => result.isError).length, 1)
    const rows = await journalRows(shop, { world: 'journal', effectKey: 'b' })
    assert.equal(rows.length, 1)
    assert.equal(rows[0]?.result, results.find((result) => !result.isError)?.text)
    assert.deepEqual(rows[0]?.arguments, cancel.arguments)
    assert.equal(rows[0]?.preImages.length, 2)
  })

  it('does not deduplicate by effect key: that is a promise of the gateway and not of the shop', async () => {
    await using database = await createTestDatabase()
    await using shop = await openSeeded(database.url)
    await createWorld(shop, 'twice', 'generated')
    const write = writes.find(({ tool }) => tool === 'modify_user_address')
    assert(write)
    await run(shop, 'twice', write, 'same')
    await run(shop, 'twice', write, 'same')
    assert.equal((await journalRows(shop, { worldPrefix: 'twi', effectKey: 'same' })).length, 2)
  })

  it('keeps worlds apart', async () => {
    await using database = await createTestDatabase()
    await using shop = await openSeeded(database.url)
    await createWorld(shop, 'one', 'generated')
    await createWorld(shop, 'two', 'generated')
    const before = await worldDigest(shop, 'two')
    const [cancel] = writes
    assert(cancel)
    await run(shop, 'one', cancel, 'key')
    assert.equal(await worldDigest(shop, 'two'), before)
    assert.notEqual(await worldDigest(shop, 'one'), before)
  })
})
