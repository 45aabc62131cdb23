// The tools as a client sees them: names, arguments and hints. `shop/run-tool.ts` runs them.
import { z } from 'zod'

const LIST_ITEMS_MAX = 100

// PostgreSQL text cannot hold a NUL, so such an argument is refused before it gets there.
const hasNoNul = (value: string) => !value.includes('\0')
const text = (description: string) =>
  z.string().max(4_000).refine(hasNoNul, 'holds a NUL character').describe(description)
const texts = (description: string) =>
  z
    .array(z.string().max(100).refine(hasNoNul, 'holds a NUL character'))
    .max(LIST_ITEMS_MAX)
    .describe(description)

const orderId = text('Order id with its leading #, for example #W1234567')
const userId = text('Customer id, for example ada_novak_1234')
const effectKey = text('The effect key that was sent along with the write')
const address = {
  address1: text('Street and number'),
  address2: text('Flat or floor; an empty string when there is none'),
  city: text('City'),
  state: text('State, as two letters'),
  country: text('Country'),
  zip: text('Zip code'),
}
const replacement = {
  order_id: orderId,
  item_ids: texts('Item ids to give up; repeat an id to give up several of it'),
  new_item_ids: texts('Item ids wanted instead, in the same order and of the same products'),
  payment_method_id: text('Payment method of the customer that settles the price difference'),
}

export const inputs = {
  calculate: z.strictObject({ expression: text('Numbers, + - * / and parentheses') }),
  find_user_id_by_email: z.strictObject({ email: text('Email address of the customer') }),
  find_user_id_by_name_zip: z.strictObject({
    first_name: text('First name'),
    last_name: text('Last name'),
    zip: text('Zip code of the default address'),
  }),
  get_order_details: z.strictObject({ order_id: orderId }),
  get_product_details: z.strictObject({
    product_id: text('Product id, which is not the id of one of its items'),
  }),
  get_user_details: z.strictObject({ user_id: userId }),
  list_all_product_types: z.strictObject({}),
  cancel_pending_order: z.strictObject({
    order_id: orderId,
    reason: z
      .enum(['no longer needed', 'ordered by mistake'])
      .describe('Why the customer cancels; no other reason is accepted'),
  }),
  exchange_delivered_order_items: z.strictObject(replacement),
  modify_pending_order_address: z.strictObject({ order_id: orderId, ...address }),
  modify_pending_order_items: z.strictObject(replacement),
  modify_pending_order_payment: z.strictObject({
    order_id: orderId,
    payment_method_id: text('Payment method of the customer that shall pay instead'),
  }),
  modify_user_address: z.strictObject({ user_id: userId, ...address }),
  return_delivered_order_items: z.strictObject({
    order_id: orderId,
    item_ids: texts('Item ids to send back; repeat an id to send back several of it'),
    payment_method_id: text('Where the refund goes: the original method or a gift card'),
  }),
  transfer_to_human_agents: z.strictObject({ summary: text('What the person needs to know') }),
  probe_effect: z.strictObject({ effect_key: effectKey }),
  undo_effect: z.strictObject({ effect_key: effectKey }),
  snapshot_world: z.strictObject({}),
  quote_refund: z.strictObject({
    order_id: orderId,
    item_ids: texts('Items to return; leave out to quote a cancellation').optional(),
  }),
}

export type ToolName = keyof typeof inputs
export type ToolKind = 'read' | 'write'

export type ToolDefinition = {
  name: ToolName
  description: string
  inputSchema: { type: 'object'; [key: string]: unknown }
  kind: ToolKind
  annotations: { readOnlyHint: boolean; destructiveHint: boolean; idempotentHint: boolean }
}

const READ = { readOnlyHint: true, destructiveHint: false, idempotentHint: true }
// Each overwrites something the customer had. Only the address tools answer a repetition like the
// first call; the others refuse it, because the order is by then in another state.
const WRITE_ONCE = { readOnlyHint: false, destructiveHint: true, idempotentHint: false }
const WRITE_AGAIN = { readOnlyHint: false, destructiveHint: true, idempotentHint: true }
const HANDOVER = { readOnlyHint: false, destructiveHint: false, idempotentHint: false }

const listed: Record<ToolName, [string, ToolDefinition['annotations']]> = {
  calculate: ['Works out an arithmetic expression, rounded to two decimals.', READ],
  find_user_id_by_email: ['Looks a customer up by email and gives the customer id.', READ],
  find_user_id_by_name_zip: [
    'Looks a customer up by full name and zip code, for those whose email is unknown.',
    READ,
  ],
  get_order_details: ['Shows an order: items, status, shipments and payments.', READ],
  get_product_details: ['Shows a product with all its items, prices and stock.', READ],
  get_user_details: ['Shows a customer: address, payment methods and order ids.', READ],
  list_all_product_types: ['Lists the names of all products with their product ids.', READ],
  cancel_pending_order: [
    'Cancels a pending order and refunds every payment to where it came from. ' +
      'Gift cards are credited at once. Ask the customer for a clear yes first.',
    WRITE_ONCE,
  ],
  exchange_delivered_order_items: [
    'Requests an exchange of delivered items for other items of the same products. ' +
      'Possible once for an order. Ask the customer for a clear yes first.',
    WRITE_ONCE,
  ],
  modify_pending_order_address: [
    'Sends a pending order to another address. Ask the customer for a clear yes first.',
    WRITE_AGAIN,
  ],
  modify_pending_order_items: [
    'Replaces items of a pending order by other items of the same products and settles the ' +
      'difference. Possible once for an order. Ask the customer for a clear yes first.',
    WRITE_ONCE,
  ],
  modify_pending_order_payment: [
    'Moves the payment of a pending order to another payment method and refunds the first. ' +
      'Ask the customer for a clear yes first.',
    WRITE_ONCE,
  ],
  modify_user_address: [
    'Changes the default address of a customer. Ask the customer for a clear yes first.',
    WRITE_AGAIN,
  ],
  return_delivered_order_items: [
    'Requests the return of delivered items. Possible once for an order. ' +
      'Ask the customer for a clear yes first.',
    WRITE_ONCE,
  ],
  transfer_to_human_agents: [
    'Hands the conversation over to a person. Only when the customer insists or no tool helps.',
    HANDOVER,
  ],
  probe_effect: ['Tells whether a write with this effect key was executed in this session.', READ],
  undo_effect: [
    'Restores what a write changed, unless something else has changed the same rows since.',
    WRITE_ONCE,
  ],
  snapshot_world: ['Gives a digest of everything in the shop, to compare before and after.', READ],
  quote_refund: [
    'Tells how much cancelling an order, or returning some of its items, would refund.',
    READ,
  ],
}

function isToolName(name: string): name is ToolName {
  return Object.hasOwn(inputs, name)
}

export function findTool(name: string): ToolDefinition | undefined {
  return toolDefinitions.find((tool) => tool.name === name)
}

export const toolDefinitions: ToolDefinition[] = Object.keys(inputs)
  .filter(isToolName)
  .map((name) => {
    const [description, annotations] = listed[name]
    const { $schema: _, ...schema } = z.toJSONSchema(inputs[name])
    return {
      name,
      description,
      inputSchema: { ...schema, type: 'object' },
      kind: annotations.readOnlyHint ? 'read' : 'write',
      annotations,
    }
  })
