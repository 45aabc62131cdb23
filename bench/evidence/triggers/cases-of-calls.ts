// Cases of materiality, confidence and competence. What stands in no list must not fire.
import type { Json } from '../../../e2e/harness/json.ts'
import { type Case, one } from './case.ts'
import {
  approve,
  cancel,
  move,
  readOrder,
  readUser,
  refundOf,
  say,
  score,
  session,
  stated,
} from './steps.ts'

const usd = (minor: number): Json => ({ materiality: { amounts: { USD: minor } } })

export const materiality: readonly Case[] = [
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

export const confidence: readonly Case[] = [
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

export const competence: readonly Case[] = [
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
