// Cases over the retail world: a pact with triggers, what an agent does, what becomes of each step,
// and which triggers must have fired by then. What stands in no list must not fire.
import type { Json } from '../../../e2e/harness/json.ts'
import { type Case, one } from './case.ts'
import {
  approve,
  cancel,
  doubt,
  move,
  readOrder,
  readProducts,
  readUser,
  reject,
  say,
  session,
  stated,
} from './steps.ts'
import { competence, confidence, materiality } from './cases-of-calls.ts'

const good = { passed: 19, of: 20 }

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
