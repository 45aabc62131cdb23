import assert from 'node:assert/strict'
import { it } from 'node:test'
import { shopDataSchema } from '../shop/documents.ts'
import { roundToCents } from '../shop/money.ts'
import { generateShop } from './generate.ts'

it('generates the same shop for the same seed and another for another', () => {
  assert.equal(JSON.stringify(generateShop(7)), JSON.stringify(generateShop(7)))
  assert.notEqual(JSON.stringify(generateShop(7)), JSON.stringify(generateShop(8)))
})

it('generates shops of the promised size in which every order is consistent', () => {
  for (const seed of [1, 2, 3]) {
    const data = generateShop(seed)
    shopDataSchema.parse(data)
    assert.equal(Object.keys(data.users).length, 300)
    assert.equal(Object.keys(data.orders).length, 600)
    assert.equal(Object.keys(data.products).length, 25)
    for (const order of Object.values(data.orders)) {
      const user = data.users[order.user_id]
      assert(user)
      assert(user.orders.includes(order.order_id))
      for (const item of order.items) {
        const variant = data.products[item.product_id]?.variants[item.item_id]
        assert.deepEqual([item.price, item.options], [variant?.price, variant?.options])
      }
      const total = roundToCents(order.items.reduce((sum, item) => sum + item.price, 0))
      for (const payment of order.payment_history) {
        assert.equal(payment.amount, total)
        assert(payment.payment_method_id in user.payment_methods)
      }
      assert.equal(order.payment_history.length, order.status === 'cancelled' ? 2 : 1)
      const isShipped = order.status === 'delivered' || order.status === 'processed'
      assert.equal(order.fulfillments.length, isShipped ? 1 : 0)
    }
    const listed = Object.values(data.users).flatMap((user) => user.orders)
    assert.deepEqual(new Set(listed), new Set(Object.keys(data.orders)))
    assert.equal(listed.length, 600)
  }
})
