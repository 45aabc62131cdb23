// Cases over the retail world: a pact with triggers, what an agent does, what becomes of each step,
// and which triggers must have fired by then. What stands in no list must not fire.
import { generateShop } from '../../../examples/retail/seed/generate.ts'
import type { Json } from '../../../e2e/harness/json.ts'

export type Step =
  | {
      readonly kind: 'tool'
      readonly tool: string
      readonly args: Json
      readonly is: 'done' | 'held'
    }
  /** The model says this, each token as likely as this many per cent. */
  | { readonly kind: 'say'; readonly text: string; readonly sure?: number }
  | { readonly kind: 'doubt' }
  | { readonly kind: 'approve' }
  | { readonly kind: 'reject' }
  /** Another session of the same agent. */
  | { readonly kind: 'session'; readonly task: string }
  /** What the scorer answers from now on. */
  | { readonly kind: 'score'; readonly score: unknown }

export type Case = {
  readonly name: string
  readonly escalation: Json
  /** The agent has so many hours of work behind it, each with so many calls. */
  readonly history?: { readonly hours: number; readonly calls: number }
  readonly steps: readonly Step[]
  /** By trigger and code: how often it fired. */
  readonly fires: Readonly<Record<string, number>>
}

const shop = generateShop(1)
const pending = Object.values(shop.orders).filter((order) => order.status === 'pending')
const users = Object.values(shop.users)

function nth<Item>(items: readonly Item[], index: number): Item {
  const item = items[index]
  if (item === undefined) throw new Error(`the shop has no ${index + 1}`)
  return item
}

function orderId(index: number): string {
  return nth(pending, index).order_id
}

/** What cancelling gives back, in cents. */
function refundOf(index: number): number {
  const { payment_history: payments } = nth(pending, index)
  return Math.round(payments.reduce((total, { amount }) => total + amount, 0) * 100)
}

type Is = 'done' | 'held'

const tool = (name: string, args: Json, is: Is): Step => ({ kind: 'tool', tool: name, args, is })
const cancel = (index: number, is: Is, reason = 'no longer needed'): Step =>
  tool('cancel_pending_order', { order_id: orderId(index), reason }, is)
const readOrder = (index: number, is: Is = 'done'): Step =>
  tool('get_order_details', { order_id: orderId(index) }, is)
const readUser = (index: number, is: Is = 'done'): Step =>
  tool('get_user_details', { user_id: nth(users, index).user_id }, is)
const readProducts = (is: Is = 'done'): Step => tool('list_all_product_types', {}, is)
const move = (index: number, is: Is, city = 'Fargo'): Step =>
  tool(
    'modify_user_address',
    {
      user_id: nth(users, index).user_id,
      address1: '1 Case Way',
      address2: '',
      city,
      state: 'ND',
      country: 'USA',
      zip: '58102',
    },
    is,
  )
const say = (text: string, sure?: number): Step => ({
  kind: 'say',
  text,
  ...(sure === undefined ? {} : { sure }),
})
const stated = (confidence: unknown): Step => say(JSON.stringify({ confidence, answer: 'x' }))
const doubt: Step = { kind: 'doubt' }
const approve: Step = { kind: 'approve' }
const reject: Step = { kind: 'reject' }
const session = (task: string): Step => ({ kind: 'session', task })
const score = (value: unknown): Step => ({ kind: 'score', score: value })

const one = (name: string, escalation: Json, steps: Step[], fires: Case['fires'] = {}): Case => ({
  name,
  escalation,
  steps,
  fires,
})

const usd = (minor: number): Json => ({ materiality: { amounts: { USD: minor } } })

const materiality: readonly Case[] = [
  one('a refund of exactly the amount', usd(refundOf(0)), [cancel(0, 'held')], {
    'materiality amount': 1,
  }),
  one('a refund of a cent less', usd(refundOf(0) + 1), [cancel(0, 'done')]),
  one('a write without an amount', usd(1), [move(0, 'done')]),
  one(
    'money in a currency that has no amount',
    { materiality: { amounts: { EUR: 100_000_000 } } },
    [cancel(0, 'held'), move(0, 'done')],
    { 'materiality currency': 1 },
  ),
  one(
    'the third write of a session that may have two',
    { materiality: { writes: 2 } },
    [move(0, 'done'), move(1, 'done'), move(2, 'held'), move(3, 'held')],
    { 'materiality writes': 2 },
  ),
  one('reads are no writes', { materiality: { writes: 0 } }, [readOrder(0), readUser(0)]),
  one('no write is free', { materiality: { writes: 0 } }, [move(0, 'held')], {
    'materiality writes': 1,
  }),
  one('a repeat of a write is no second write', { materiality: { writes: 1 } }, [
    move(0, 'done'),
    move(0, 'done'),
  ]),
  one('a session counts its own writes', { materiality: { writes: 1 } }, [
    move(0, 'done'),
    session('support'),
    move(1, 'done'),
  ]),
  one(
    'a read of a class of data',
    { materiality: { dataClasses: ['address'] } },
    [readUser(0, 'held'), readOrder(0), cancel(0, 'done'), move(0, 'held')],
    { 'materiality data': 2 },
  ),
  one('a class of data that no tool has', { materiality: { dataClasses: ['health'] } }, [
    readUser(0),
    move(0, 'done'),
  ]),
  one(
    'two reasons at once',
    { materiality: { amounts: { USD: 1 }, writes: 0 } },
    [cancel(0, 'held')],
    { 'materiality amount': 1, 'materiality writes': 1 },
  ),
  one(
    'tools that the trigger does not name',
    {
      materiality: { writes: 0, tools: ['retail/cancel_*'] },
    },
    [move(0, 'done')],
  ),
  one(
    'what was approved is done once',
    { materiality: { writes: 0 } },
    [cancel(0, 'held'), approve, cancel(0, 'done')],
    { 'materiality writes': 1 },
  ),
]

const says = (min: number): Json => ({ confidence: { statement: { path: 'confidence', min } } })
const tokens = (min: number): Json => ({ confidence: { logprobs: { min } } })
const scorer: Json = {
  confidence: { scorer: { tool: 'desk/measure', path: 'score', min: 0.7 } },
}

const confidence: readonly Case[] = [
  one('a model that is sure', says(0.8), [stated(0.8), cancel(0, 'done')]),
  one('a model that is less sure', says(0.8), [stated(0.79), cancel(0, 'held')], {
    'confidence stated': 1,
  }),
  one('no reply at all', says(0.8), [cancel(0, 'held')], { 'confidence missing': 1 }),
  one('a reply without a figure', says(0.8), [say('Certainly!'), cancel(0, 'held')], {
    'confidence missing': 1,
  }),
  one('a figure of 95 is no probability', says(0.8), [stated(95), cancel(0, 'held')], {
    'confidence missing': 1,
  }),
  one('a figure in words is none', says(0.8), [stated('0.99'), cancel(0, 'held')], {
    'confidence missing': 1,
  }),
  one('only the last reply counts, up', says(0.8), [stated(0.1), stated(0.9), cancel(0, 'done')]),
  one(
    'only the last reply counts, down',
    says(0.8),
    [stated(0.9), stated(0.1), cancel(0, 'held')],
    {
      'confidence stated': 1,
    },
  ),
  one(
    'a later reply without a figure',
    says(0.8),
    [stated(0.9), say('One moment.'), cancel(0, 'held')],
    { 'confidence missing': 1 },
  ),
  one('reads need no confidence', says(0.8), [readOrder(0), readUser(0)]),
  one(
    'a missing figure that the pact ignores',
    {
      confidence: { statement: { path: 'confidence', min: 0.8 }, missing: 'ignore' },
    },
    [say('Certainly!'), cancel(0, 'done')],
  ),
  one('tokens that are sure', tokens(0.6), [say('Cancelled.', 90), cancel(0, 'done')]),
  one('tokens that are not', tokens(0.6), [say('Cancelled.', 50), cancel(0, 'held')], {
    'confidence logprobs': 1,
  }),
  one(
    'sure words of unsure tokens',
    { confidence: { statement: { path: 'confidence', min: 0.8 }, logprobs: { min: 0.6 } } },
    [say('{"confidence": 0.99}', 30), cancel(0, 'held')],
    { 'confidence logprobs': 1 },
  ),
  one('a scorer that agrees', scorer, [score(0.7), cancel(0, 'done')]),
  one('a scorer that does not', scorer, [score(0.69), cancel(0, 'held')], {
    'confidence score': 1,
  }),
  one('a scorer without a figure', scorer, [score(null), cancel(0, 'held')], {
    'confidence missing': 1,
  }),
]

const proves = (results: Json, more: Json = {}): Json => ({
  competence: { provenTasks: results, ...more },
})
const good = { passed: 19, of: 20 }

const competence: readonly Case[] = [
  one('a task that was measured well', proves({ support: good }), [cancel(0, 'done')]),
  one('a task that was not measured', proves({ returns: good }), [cancel(0, 'held')], {
    'competence task': 1,
  }),
  one(
    'a task that was measured badly',
    proves({ support: { passed: 17, of: 20 } }),
    [cancel(0, 'held')],
    { 'competence task': 1 },
  ),
  one(
    'a task of which too little is known',
    proves({ support: { passed: 5, of: 5 } }),
    [cancel(0, 'held')],
    { 'competence task': 1 },
  ),
  one(
    'few runs where the pact asks for few',
    proves(
      { support: { passed: 5, of: 5 } },
      {
        minRuns: 5,
      },
    ),
    [cancel(0, 'done')],
  ),
  one('reads at any task', proves({ returns: good }), [readOrder(0), readUser(0)]),
  one(
    'each session by its own task',
    proves({ support: good }),
    [cancel(0, 'done'), session('returns'), cancel(1, 'held')],
    { 'competence task': 1 },
  ),
]

const meets = (of: readonly string[], more: Json = {}): Json => ({
  firstEncounter: {
    of,
    counterparties: { 'retail/modify_user_address': 'user_id' },
    ...more,
  },
})

const firstEncounter: readonly Case[] = [
  one('a first tool', meets(['tool']), [cancel(0, 'held')], { 'firstEncounter tool': 1 }),
  one(
    'a tool that a person has approved',
    meets(['tool']),
    [cancel(0, 'held'), approve, cancel(1, 'done')],
    { 'firstEncounter tool': 1 },
  ),
  one(
    'a tool that a person has refused',
    meets(['tool']),
    [cancel(0, 'held'), reject, cancel(1, 'held')],
    { 'firstEncounter tool': 2 },
  ),
  one('another tool', meets(['tool']), [cancel(0, 'held'), approve, move(0, 'held')], {
    'firstEncounter tool': 2,
  }),
  one(
    'a first counterparty',
    meets(['counterparty']),
    [move(0, 'held'), approve, move(0, 'done', 'Minot'), move(1, 'held')],
    { 'firstEncounter counterparty': 2 },
  ),
  one('a tool without a counterparty', meets(['counterparty']), [cancel(0, 'done')]),
  one(
    'a first form of arguments',
    meets(['arguments']),
    [cancel(0, 'held'), approve, cancel(1, 'done')],
    { 'firstEncounter arguments': 1 },
  ),
  one(
    'a first task',
    meets(['task']),
    [cancel(0, 'held'), approve, cancel(1, 'done'), session('returns'), cancel(2, 'held')],
    { 'firstEncounter task': 2 },
  ),
  one(
    'what was learned in another session',
    meets(['tool']),
    [cancel(0, 'held'), approve, session('returns'), cancel(1, 'done')],
    { 'firstEncounter tool': 1 },
  ),
  one('all at once', meets(['tool', 'arguments', 'counterparty', 'task']), [move(0, 'held')], {
    'firstEncounter tool': 1,
    'firstEncounter arguments': 1,
    'firstEncounter counterparty': 1,
    'firstEncounter task': 1,
  }),
  one(
    'new things while it learns',
    meets(['tool'], { learning: { calls: 5 } }),
    [cancel(0, 'done'), move(0, 'done'), move(1, 'done')],
    { 'firstEncounter tool': 2 },
  ),
  one(
    'new things after it has learned',
    meets(['tool'], { learning: { calls: 1 } }),
    [cancel(0, 'done'), cancel(1, 'done'), move(0, 'held')],
    { 'firstEncounter tool': 2 },
  ),
  one('reads of anything', meets(['tool', 'task']), [readOrder(0), readUser(0), readProducts()]),
]

const doubts: readonly Case[] = [
  one('an agent that says so', { doubt: {} }, [doubt, cancel(0, 'held')], { 'doubt said': 2 }),
  one('what it did before', { doubt: {} }, [cancel(0, 'done'), doubt], { 'doubt said': 1 }),
  one('what it reads', { doubt: {} }, [doubt, readOrder(0), readUser(0)], { 'doubt said': 1 }),
  one(
    'a doubt that a person has lifted',
    { doubt: {} },
    [doubt, cancel(0, 'held'), approve, cancel(1, 'done')],
    { 'doubt said': 2 },
  ),
  one(
    'a doubt that a person has confirmed',
    { doubt: {} },
    [doubt, cancel(0, 'held'), reject, cancel(1, 'held')],
    { 'doubt said': 3 },
  ),
  one('another session', { doubt: {} }, [doubt, session('returns'), cancel(0, 'done')], {
    'doubt said': 1,
  }),
  one('words', { doubt: {} }, [say("I'm not sure which order."), cancel(0, 'held')], {
    'doubt phrase': 1,
  }),
  one('words that only sound like it', { doubt: {} }, [
    say('Are you sure? I am sure.'),
    cancel(0, 'done'),
  ]),
  one(
    "the pact's own words, in capitals",
    { doubt: { phrases: ['better ask'] } },
    [say('BETTER  ASK a colleague'), cancel(0, 'held')],
    { 'doubt phrase': 1 },
  ),
  one('our words where the pact has its own', { doubt: { phrases: ['better ask'] } }, [
    say("I'm not sure."),
    cancel(0, 'done'),
  ]),
  one('a marked field', { doubt: {} }, [say('{"needs_human": true}'), cancel(0, 'held')], {
    'doubt field': 1,
  }),
  one('a field that is marked not to', { doubt: {} }, [
    say('{"needs_human": false}'),
    cancel(0, 'done'),
  ]),
]

const busy = { hours: 40, calls: 2 }
const odd: Json = { anomaly: { measures: ['calls'], atLeast: { calls: 3 } } }

const anomalies: readonly Case[] = [
  { ...one('an hour like the others', odd, [cancel(0, 'done'), readOrder(0)]), history: busy },
  {
    ...one(
      'an hour far above the others',
      odd,
      [readOrder(0), readOrder(1), readOrder(2), readOrder(3), cancel(0, 'held')],
      { 'anomaly calls': 1 },
    ),
    history: busy,
  },
  one('an agent without history', odd, [
    readOrder(0),
    readOrder(1),
    readOrder(2),
    readOrder(3),
    cancel(0, 'done'),
  ]),
  {
    ...one('a short history', odd, [
      readOrder(0),
      readOrder(1),
      readOrder(2),
      readOrder(3),
      cancel(0, 'done'),
    ]),
    history: { hours: 23, calls: 2 },
  },
  {
    ...one('a busy agent', odd, [
      readOrder(0),
      readOrder(1),
      readOrder(2),
      readOrder(3),
      cancel(0, 'done'),
    ]),
    history: { hours: 40, calls: 50 },
  },
  {
    ...one(
      'reads of an odd hour where the pact names them',
      { anomaly: { measures: ['calls'], atLeast: { calls: 1 }, tools: ['retail/get_*'] } },
      [readOrder(0), readOrder(1), readOrder(2, 'held'), cancel(0, 'done')],
      { 'anomaly calls': 1 },
    ),
    history: { hours: 40, calls: 1 },
  },
  {
    ...one('spend where only calls are many', { anomaly: { measures: ['spend'] } }, [
      readOrder(0),
      readOrder(1),
      cancel(0, 'done'),
    ]),
    history: busy,
  },
]

const after = (what: string): Json => ({ taint: { after: what } })

const taints: readonly Case[] = [
  one('untrusted content before a write', after('untrusted'), [readProducts(), cancel(0, 'held')], {
    'taint untrusted': 1,
  }),
  one('a write before the untrusted content', after('untrusted'), [
    cancel(0, 'done'),
    readProducts(),
  ]),
  one('private data where untrusted content is asked', after('untrusted'), [
    readUser(0),
    cancel(0, 'done'),
  ]),
  one('private data', after('private'), [readUser(0), cancel(0, 'held')], { 'taint private': 1 }),
  one('one of both', after('both'), [readUser(0), cancel(0, 'done')]),
  one('both', after('both'), [readUser(0), readProducts(), cancel(0, 'held')], {
    'taint untrusted': 1,
    'taint private': 1,
  }),
  one('either', after('either'), [readUser(0), cancel(0, 'held')], { 'taint private': 1 }),
  one('neither', after('either'), [readOrder(0), cancel(0, 'done')]),
  one('another session', after('either'), [
    readUser(0),
    readProducts(),
    session('returns'),
    cancel(0, 'done'),
  ]),
  one('reads after it', after('either'), [readUser(0), readProducts(), readOrder(0)]),
]

const together: readonly Case[] = [
  one(
    'two triggers at once are both on record',
    { taint: { after: 'private' }, materiality: { writes: 0 } },
    [readUser(0), cancel(0, 'held')],
    { 'taint private': 1, 'materiality writes': 1 },
  ),
  one(
    'a pact with every trigger, and nothing due',
    {
      materiality: { amounts: { USD: 100_000_000 }, writes: 5 },
      confidence: { statement: { path: 'confidence', min: 0.5 } },
      competence: { provenTasks: { support: good } },
      firstEncounter: { of: ['tool'], tools: ['retail/modify_user_address'] },
      doubt: {},
      anomaly: {},
      taint: { after: 'both' },
    },
    [stated(0.9), readOrder(0), cancel(0, 'done')],
  ),
]

export const cases: readonly Case[] = [
  ...materiality,
  ...confidence,
  ...competence,
  ...firstEncounter,
  ...doubts,
  ...anomalies,
  ...taints,
  ...together,
]
