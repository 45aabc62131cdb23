// What is remembered for triggers, on a real PostgreSQL: replies that come at the same time, and what
// is forgotten.
import assert from 'node:assert/strict'
import { randomUUIDv7 } from 'node:crypto'
import { test } from 'node:test'
import type { Confidence, Reading } from '../src/core/escalation/escalation.ts'
import { forgetEscalation } from '../src/store/calls/forget-escalation.ts'
import { type BudgetGround, modelIntent, outcomeOf, standBudgetGround } from './budget-ground.ts'

/** What is known after these replies of model calls that were all under way at once. */
async function knownAfter(
  ground: BudgetGround,
  readings: readonly Partial<Reading>[],
): Promise<Confidence | undefined> {
  const recorder = await ground.start()
  const principal = await ground.openSession()
  const intents = await Promise.all(readings.map(() => modelIntent(ground, principal)))
  await Promise.all(intents.map((intent) => recorder.propose(intent).durable))
  for (const [at, { callId }] of intents.entries()) {
    const reading = { stated: undefined, logprobs: undefined, doubt: undefined, ...readings[at] }
    await recorder.settle(outcomeOf(callId, { reading }))
  }
  let known: Confidence | undefined
  const asking = await modelIntent(ground, principal, {
    decide: ({ escalation }) => {
      known = escalation?.confidence
      return { verdict: 'allow', code: undefined, reasons: [] }
    },
  })
  await recorder.propose(asking).durable
  return known
}

test('of replies that come at the same time the less sure one counts, in any order', async () => {
  await using ground = await standBudgetGround()
  const low = { stated: 0.1 }
  const high = { stated: 0.99, logprobs: 0.9 }
  const silent = { logprobs: 0.5 }
  const cases: readonly (readonly [readonly Partial<Reading>[], Confidence | undefined])[] = [
    [[low, high], { stated: 0.1, logprobs: 0.9 }],
    [[high, low], { stated: 0.1, logprobs: 0.9 }],
    [[high, silent], { stated: 0.99, logprobs: 0.5, isUnclear: true }],
    [[low, {}], { stated: 0.1, isUnclear: true }],
    [[high], high],
    [[{}], undefined],
  ]
  for (const [readings, known] of cases) {
    assert.deepEqual(await knownAfter(ground, readings), known, JSON.stringify(readings))
  }
})

test('what is old is forgotten, a bounded number at a time, and nothing else', async () => {
  await using ground = await standBudgetGround()
  const { sql, db } = ground
  const { organisationId } = ground.api
  const { agentId, sessionId } = await ground.openSession()
  for (const days of [1, 399, 401, 402, 403]) {
    await sql.query(
      `INSERT INTO airworthy.escalation_firings VALUES ($1, $2, 'doubt', '{said}', 'hold', 'hold',
        true, $3, $4, 'desk/x', null, 1, 1, clock_timestamp() - make_interval(days => $5))`,
      [organisationId, randomUUIDv7(), agentId, sessionId, days],
    )
    await sql.query(
      `INSERT INTO airworthy.agent_encounters VALUES
        ($1, $2, 'tool', $3, $4, clock_timestamp() - make_interval(days => $5))`,
      [organisationId, agentId, `digest ${days}`, randomUUIDv7(), days],
    )
  }
  const left = async (table: string): Promise<number[]> => {
    const { rows } = await sql.query<{ days: number }>(
      `SELECT extract(day FROM clock_timestamp() - at)::int AS days FROM airworthy.${table}
      ORDER BY days`,
    )
    return rows.map(({ days }) => days)
  }
  assert.equal(await forgetEscalation(db, organisationId, 2), 4)
  assert.deepEqual(await left('escalation_firings'), [1, 399, 401], 'the oldest go first')
  assert.deepEqual(await left('agent_encounters'), [1, 399, 401])
  assert.equal(await forgetEscalation(db, organisationId, 2), 2)
  assert.equal(await forgetEscalation(db, organisationId, 2), 0)
  assert.deepEqual(await left('agent_encounters'), [1, 399])
})
