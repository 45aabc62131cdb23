import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createWorld, openShop, runTool, seedShop } from '../index.ts'
import { generateShop } from '../seed/generate.ts'
import { createTestDatabase, skipWithoutDatabase } from '../test-database.ts'

describe('quote_refund', { skip: skipWithoutDatabase }, () => {
  it('quotes what a cancellation or a return refunds and changes nothing', async () => {
    await using database = await createTestDatabase()
    await using shop = await openShop({ databaseUrl: database.url })
    await seedShop(shop, { name: 'generated', source: { kind: 'generated', seed: 1 } })
    await createWorld(shop, 'quote', 'generated')
    const quote = async (input: object) => {
      const call = { world: 'quote', tool: 'quote_refund', arguments: input }
      return (await runTool(shop, call)).text
    }
    const orders = Object.values(generateShop(1).orders)
    const pending = orders.find((order) => order.status === 'pending')
    const delivered = orders.find((order) => order.status === 'delivered')
    const processed = orders.find((order) => order.status === 'processed')
    const item = delivered?.items[0]
    assert(pending && delivered && processed && item)
    assert.equal(
      await quote({ order_id: pending.order_id }),
      JSON.stringify({ amount: pending.payment_history[0]?.amount, currency: 'USD' }),
    )
    assert.equal(
      await quote({ order_id: delivered.order_id, item_ids: [item.item_id] }),
      JSON.stringify({ amount: item.price, currency: 'USD' }),
    )
    assert.match(await quote({ order_id: processed.order_id }), /^Error: /)
    assert.match(await quote({ order_id: delivered.order_id, item_ids: ['0'] }), /^Error: /)
  })
})
