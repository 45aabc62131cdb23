// The script answers what it is given: the same words of the customer lead elsewhere when the tools
// answer otherwise.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { playScript } from './support-script.ts'
import type { ScriptMessage, ScriptReply } from './support-script.ts'

const orderId = '#W1234567'

function says(content: string): ScriptMessage {
  return { role: 'user', content }
}

let calls = 0

function called(name: string, content: string | object): ScriptMessage[] {
  calls += 1
  const id = `call-${calls}`
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  return [
    { role: 'assistant', tool_calls: [{ id, function: { name, arguments: '{}' } }] },
    { role: 'tool', tool_call_id: id, content: text },
  ]
}

const found = called('find_user_id_by_email', 'ada_1')
const pending = called('get_order_details', { status: 'pending', items: [] })
const hurry = says(`I ordered ${orderId} by mistake. Cancel it!`)
const cancel: ScriptReply = {
  kind: 'call',
  name: 'cancel_pending_order',
  arguments: { order_id: orderId, reason: 'ordered by mistake' },
}
const denied = called('cancel_pending_order', {
  denied: true,
  code: 'policy.denied',
  message: 'customer-first: find the customer',
  rules: [{ rule: 'customer-first', reason: 'find the customer' }],
})
const held = called('cancel_pending_order', { held: true, id: 'hold-1', until: 'later' })
const watch = says(`I am ada@example.com. Keep checking ${orderId}.`)

type Case = { name: string; messages: ScriptMessage[]; expected: ScriptReply | RegExp }

const cases: Case[] = [
  { name: 'asks for an order that nobody has named', messages: [says('Hi')], expected: /Which/u },
  { name: 'tries the write at once when it has no email', messages: [hurry], expected: cancel },
  {
    name: 'reads a denial and asks for what is missing',
    messages: [hurry, ...denied],
    expected: /email/u,
  },
  {
    name: 'finds the customer once it has the email',
    messages: [hurry, ...denied, says('ada@example.com')],
    expected: {
      kind: 'call',
      name: 'find_user_id_by_email',
      arguments: { email: 'ada@example.com' },
    },
  },
  {
    name: 'then does it right',
    messages: [hurry, ...denied, says('ada@example.com'), ...found, ...pending],
    expected: cancel,
  },
  {
    name: 'does not try again what another rule denies',
    messages: [
      hurry,
      ...called('cancel_pending_order', {
        denied: true,
        code: 'policy.denied',
        message: 'three-writes: enough',
        rules: [{ rule: 'three-writes', reason: 'enough' }],
      }),
    ],
    expected: /policy\.denied.*enough/u,
  },
  { name: 'tells of a hold', messages: [hurry, ...held], expected: /hold-1/u },
  {
    name: 'repeats a held call when it is asked again',
    messages: [hurry, ...held, says('Has it been approved?')],
    expected: cancel,
  },
  {
    name: 'tells what the shop refuses',
    messages: [hurry, ...called('cancel_pending_order', 'Error: only a pending order')],
    expected: /only a pending order/u,
  },
  {
    name: 'looks again and again while an order is pending',
    messages: [watch, ...found, ...pending, ...pending, ...pending],
    expected: { kind: 'call', name: 'get_order_details', arguments: { order_id: orderId } },
  },
  {
    name: 'stops looking when it is not',
    messages: [
      watch,
      ...found,
      ...pending,
      ...called('get_order_details', { status: 'processed' }),
    ],
    expected: /processed/u,
  },
  {
    name: 'takes the address out of what the customer says',
    messages: [
      says(`I am ada@example.com. Have ${orderId} delivered to 1 Hill, , Reno, NV, USA, 89501.`),
      ...found,
      ...pending,
    ],
    expected: {
      kind: 'call',
      name: 'modify_pending_order_address',
      arguments: {
        order_id: orderId,
        address1: '1 Hill',
        address2: '',
        city: 'Reno',
        state: 'NV',
        country: 'USA',
        zip: '89501',
      },
    },
  },
]

describe('the script', () => {
  for (const { name, messages, expected } of cases) {
    it(name, () => {
      const reply = playScript(messages)
      if (expected instanceof RegExp) {
        assert(reply.kind === 'say')
        assert.match(reply.text, expected)
      } else assert.deepEqual(reply, expected)
      assert.deepEqual(playScript(messages), reply)
    })
  }
})
