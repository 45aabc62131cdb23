// The reads.
import { orderView } from './documents.ts'
import { answer, refuse } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import {
  findUserIdByEmail,
  findUserIdByName,
  listProducts,
  readOrder,
  readProduct,
  readUser,
} from './world.ts'
import type { World } from './world.ts'

export async function findUserByEmail(world: World, input: { email: string }): Promise<Outcome> {
  const id = await findUserIdByEmail(world, input.email)
  return id === undefined ? refuse('no customer has this email') : answer(id)
}

export async function findUserByNameZip(
  world: World,
  input: { first_name: string; last_name: string; zip: string },
): Promise<Outcome> {
  const id = await findUserIdByName(world, {
    firstName: input.first_name,
    lastName: input.last_name,
    zip: input.zip,
  })
  return id === undefined ? refuse('no customer has this name and zip code') : answer(id)
}

export async function getUserDetails(world: World, input: { user_id: string }): Promise<Outcome> {
  const user = await readUser(world, input.user_id)
  return user === undefined ? refuse(`no customer has the id ${input.user_id}`) : answer(user)
}

export async function getOrderDetails(world: World, input: { order_id: string }): Promise<Outcome> {
  const order = await readOrder(world, input.order_id)
  return order === undefined
    ? refuse(`no order has the id ${input.order_id}`)
    : answer(orderView(order))
}

export async function getProductDetails(
  world: World,
  input: { product_id: string },
): Promise<Outcome> {
  const product = await readProduct(world, input.product_id)
  return product === undefined
    ? refuse(`no product has the id ${input.product_id}; an item id is not a product id`)
    : answer(product)
}

export async function listAllProductTypes(world: World): Promise<Outcome> {
  const products = await listProducts(world)
  return answer(Object.fromEntries(products.map(({ id, name }) => [name, id])))
}
