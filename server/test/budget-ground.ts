// A desk agent on a database of its own, recorders on it, and a clock that a test can move.
import assert from 'node:assert/strict'
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { Client } from 'pg'
import { type Amounts, oneCall } from '../src/core/budget/budget.ts'
import type { Decision } from '../src/core/decision/decision.ts'
import { type BudgetSetting, setBudgetPolicy } from '../src/store/budgets/budget-policies.ts'
import type { KnownPolicy } from '../src/store/budgets/budget-policy-rows.ts'
import { type Database, openDatabase } from '../src/store/database.ts'
import { Recorder } from '../src/store/recorder/recorder.ts'
import type { Intent, IntentResult, Outcome, Principal } from '../src/store/recorder/types.ts'
import { type ApiServer, enrolDesk, startApi } from './api/api-server.ts'
import { replaceClock, setClock } from './test-clock.ts'

export type BudgetGround = AsyncDisposable & {
  readonly api: ApiServer
  /** On the clock that can be moved; the API's own connections are not. */
  readonly db: Database
  readonly sql: Client
  readonly start: () => Promise<Recorder>
  readonly openSession: (options?: SessionOptions) => Promise<Principal>
  readonly setBudget: (setting: Partial<BudgetSetting>) => Promise<KnownPolicy>
  /** From now on the database's clock shows this time, and goes on from there. */
  readonly setClock: (at: string) => Promise<void>
}

type SessionOptions = { readonly calls?: number; readonly endUser?: string }

export const operatorId = '019a0000-0000-7000-8000-000000000001'

export async function standBudgetGround(): Promise<BudgetGround> {
  await using starting = new AsyncDisposableStack()
  const api = starting.use(await startApi())
  const sql = new Client({ connectionString: api.databaseUrl })
  await sql.connect()
  starting.defer(() => sql.end())
  await replaceClock(sql)
  const { db, close } = openDatabase({ url: api.databaseUrl, poolMax: 4 })
  starting.defer(close)
  const enrolled = await enrolDesk(api, (text) => text.replace('calls: 50,', 'calls: 1000,'))
  const { keys } = await api.client.getAgent('desk')
  const standing = starting.move()
  const { organisationId, databaseUrl } = api
  return {
    api,
    db,
    sql,
    start: async () =>
      standing.use(
        await Recorder.start({
          databaseUrl,
          organisationId,
          newId: randomUUIDv7,
          onConnected: () => undefined,
          log: () => undefined,
        }),
      ),
    openSession: async ({ calls = 1000, endUser = 'user' } = {}) => {
      const { session } = await api.client.openSession({
        agent: 'desk',
        endUser,
        limits: { calls },
      })
      return {
        agentId: enrolled.agent.id,
        agentName: 'desk',
        stakes: 'medium',
        apiKeyId: keys[0]?.id ?? '',
        sessionId: session.id,
        versionId: session.versionId,
        task: '',
        endUser,
        mode: 'enforce',
        modelBaseUrl: undefined,
      }
    },
    setBudget: async (setting) => {
      const set = await setBudgetPolicy(db, organisationId, { ...plainSetting, ...setting })
      assert.equal(set.kind, 'ok')
      assert('policy' in set)
      return set.policy
    },
    setClock: (at) => setClock(sql, at),
    [Symbol.asyncDispose]: () => standing.disposeAsync(),
  }
}

const plainSetting: BudgetSetting = {
  name: 'all',
  scope: 'organisation',
  subject: undefined,
  window: { kind: 'whole' },
  limits: { calls: 10n },
  onHit: 'block',
  alerts: [],
  operatorId,
}

const allow: Decision = { verdict: 'allow', code: undefined, reasons: [] }
export const pactIds = new WeakMap<BudgetGround, string>()

export async function activePact(ground: BudgetGround): Promise<string> {
  const known = pactIds.get(ground)
  if (known !== undefined) return known
  const { agent } = await ground.api.client.getAgent('desk')
  pactIds.set(ground, agent.pact.id)
  return agent.pact.id
}

export async function modelIntent(
  ground: BudgetGround,
  principal: Principal,
  more: Partial<Intent> = {},
): Promise<Intent> {
  const callId = randomUUIDv7()
  const effect = {
    effectClass: 'read' as const,
    key: callId,
    argsHash: callId,
    windowMs: undefined,
    amountMinor: undefined,
    currency: undefined,
  }
  return {
    callId,
    principal,
    pactId: await activePact(ground),
    kind: 'model',
    action: 'small',
    isWrite: false,
    reservation: oneCall,
    request: { subjectId: randomBytes(32), sealed: Buffer.from('sealed'), commitment: 'c' },
    decide: () => allow,
    effect: undefined,
    holdEffect: () => effect,
    schemaHash: '',
    holdExpiresAfterMs: 1000,
    drift: undefined,
    resume: undefined,
    hasWaited: false,
    ...more,
  }
}

export function outcomeOf(callId: string, more: Partial<Outcome> = {}): Outcome {
  return {
    callId,
    state: 'done',
    code: undefined,
    usage: undefined,
    used: oneCall,
    response: undefined,
    resolvedBy: undefined,
    ...more,
  }
}

export function tokens(input: bigint, output: bigint): Amounts {
  const each = { inputTokens: input, outputTokens: output, tokens: input + output }
  return { ...oneCall, ...each, nanoUsd: input + 4n * output }
}

export type Use = { settled: number; reserved: number; unknown: number; overrun: number }

/** What lies in the ledgers of a policy, added up: what leases hold is no use. */
export async function useOf(
  ground: BudgetGround,
  policyId: string,
  unit: 'calls' | 'tokens' = 'calls',
): Promise<Use> {
  const at = unit === 'calls' ? 1 : 2
  const found = await ground.sql.query<Record<keyof Use, string>>(
    `SELECT coalesce(sum(settled[${at}]), 0) AS settled, coalesce(sum(reserved[${at}]), 0) AS reserved,
      coalesce(sum(unknown[${at}]), 0) AS unknown, coalesce(sum(overrun[${at}]), 0) AS overrun
    FROM airworthy.ledgers WHERE policy_id = $1`,
    [policyId],
  )
  const [row] = found.rows
  assert(row !== undefined)
  return {
    settled: Number(row.settled),
    reserved: Number(row.reserved),
    unknown: Number(row.unknown),
    overrun: Number(row.overrun),
  }
}

/** Makes one call and settles it; gives what was decided. */
export async function callOnce(
  ground: BudgetGround,
  recorder: Recorder,
  principal: Principal,
): Promise<IntentResult> {
  const intent = await modelIntent(ground, principal)
  const result = await recorder.propose(intent).durable
  if (result.kind === 'proceed') await recorder.settle(outcomeOf(result.callId))
  return result
}

export async function checkNumbering(ground: BudgetGround): Promise<void> {
  const log = await ground.api.client.getLog()
  assert.deepEqual([log.gaps, log.agentGaps, log.brokenLinks], [0, 0, 0])
}
