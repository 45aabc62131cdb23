// Runs one tool in one world. A write is one transaction: lock, change, journal row.
import { z } from 'zod'
import { findTool, inputs } from '../tools.ts'
import type { ToolName } from '../tools.ts'
import { calculate } from './calculate.ts'
import { modifyUserAddress, transferToHumanAgents } from './customers.ts'
import { exchangeDeliveredOrderItems, returnDeliveredOrderItems } from './delivered-orders.ts'
import { probeEffect, undoEffect } from './effects.ts'
import { appendJournal } from './journal.ts'
import {
  findUserByEmail,
  findUserByNameZip,
  getOrderDetails,
  getProductDetails,
  getUserDetails,
  listAllProductTypes,
} from './look-ups.ts'
import { answer, refuse } from './outcome.ts'
import type { Change, Outcome } from './outcome.ts'
import {
  cancelPendingOrder,
  modifyPendingOrderAddress,
  modifyPendingOrderItems,
  modifyPendingOrderPayment,
} from './pending-orders.ts'
import { quoteRefund } from './quote-refund.ts'
import { inTransaction } from './shop.ts'
import type { Shop } from './shop.ts'
import { digestOf, lockWorld, openWorld, readRow, writeRows } from './world.ts'
import type { World } from './world.ts'

export type ToolCall = { world: string; tool: string; arguments: unknown; effectKey?: string }
export type ToolResult = { isError: boolean; text: string }

type Handler = (world: World, input: unknown) => Promise<Outcome>

const handlers: Record<ToolName, Handler> = {
  calculate: bind(inputs.calculate, (_, input) => calculate(input)),
  find_user_id_by_email: bind(inputs.find_user_id_by_email, findUserByEmail),
  find_user_id_by_name_zip: bind(inputs.find_user_id_by_name_zip, findUserByNameZip),
  get_order_details: bind(inputs.get_order_details, getOrderDetails),
  get_product_details: bind(inputs.get_product_details, getProductDetails),
  get_user_details: bind(inputs.get_user_details, getUserDetails),
  list_all_product_types: bind(inputs.list_all_product_types, listAllProductTypes),
  cancel_pending_order: bind(inputs.cancel_pending_order, cancelPendingOrder),
  exchange_delivered_order_items: bind(
    inputs.exchange_delivered_order_items,
    exchangeDeliveredOrderItems,
  ),
  modify_pending_order_address: bind(
    inputs.modify_pending_order_address,
    modifyPendingOrderAddress,
  ),
  modify_pending_order_items: bind(inputs.modify_pending_order_items, modifyPendingOrderItems),
  modify_pending_order_payment: bind(
    inputs.modify_pending_order_payment,
    modifyPendingOrderPayment,
  ),
  modify_user_address: bind(inputs.modify_user_address, modifyUserAddress),
  return_delivered_order_items: bind(
    inputs.return_delivered_order_items,
    returnDeliveredOrderItems,
  ),
  transfer_to_human_agents: bind(inputs.transfer_to_human_agents, transferToHumanAgents),
  probe_effect: bind(inputs.probe_effect, probeEffect),
  undo_effect: bind(inputs.undo_effect, undoEffect),
  snapshot_world: bind(inputs.snapshot_world, async (world) =>
    answer({ digest: await digestOf(world) }),
  ),
  quote_refund: bind(inputs.quote_refund, quoteRefund),
}

function bind<S extends z.ZodType>(
  schema: S,
  run: (world: World, input: z.infer<S>) => Outcome | Promise<Outcome>,
): Handler {
  return async (world, input) => {
    const parsed = schema.safeParse(input)
    if (!parsed.success)
      return refuse(`these arguments do not fit the tool: ${z.prettifyError(parsed.error)}`)
    return run(world, parsed.data)
  }
}

// What the tool refuses comes back as an error result; a database that fails, or a world that was
// never created, throws.
export async function runTool(shop: Shop, call: ToolCall): Promise<ToolResult> {
  const tool = findTool(call.tool)
  if (tool === undefined) return toResult(refuse(`there is no tool ${call.tool}`))
  const handler = handlers[tool.name]
  if (tool.kind === 'read') {
    const world = await openWorld(shop.pool, call.world)
    return toResult(await handler(world, call.arguments))
  }
  return inTransaction(shop, async (client) => {
    const world = await lockWorld(client, call.world)
    const outcome = await handler(world, call.arguments)
    if (outcome.kind === 'changed') await commitChange(world, call, outcome)
    return toResult(outcome)
  })
}

async function commitChange(world: World, call: ToolCall, change: Change): Promise<void> {
  const preImages = []
  for (const row of change.rows) preImages.push(await readRow(world, row))
  await writeRows(world, change.rows)
  await appendJournal(world, {
    effectKey: call.effectKey,
    tool: call.tool,
    arguments: call.arguments ?? {},
    result: toText(change.result),
    preImages,
    postImages: change.rows,
  })
}

function toResult(outcome: Outcome): ToolResult {
  if (outcome.kind === 'refused') return { isError: true, text: `Error: ${outcome.message}` }
  return { isError: false, text: toText(outcome.result) }
}

function toText(result: unknown): string {
  return typeof result === 'string' ? result : JSON.stringify(result)
}
