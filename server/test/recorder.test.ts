// The recorder on a real PostgreSQL: batches, failures at every point, numbering, and leases.
import assert from 'node:assert/strict'
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { test } from 'node:test'
import { Client } from 'pg'
import { noAmounts } from '../src/core/budget/budget.ts'
import type { Decision } from '../src/core/decision/decision.ts'
import { appendEntries } from '../src/store/log/log.ts'
import { Recorder } from '../src/store/recorder/recorder.ts'
import type { Intent, IntentResult, Outcome, Principal } from '../src/store/recorder/types.ts'
import { recoverDeadReplicas } from '../src/store/recovery.ts'
import { runCommand } from '../src/store/transaction.ts'
import { type ApiServer, enrolDesk, startApi } from './api/api-server.ts'
import { startReplyDropper } from './reply-dropper.ts'

type Ground = AsyncDisposable & {
  readonly api: ApiServer
  readonly sql: Client
  readonly principal: Principal
  readonly pactId: string
  readonly start: (databaseUrl?: string) => Promise<Recorder>
}

/** An agent with a session of at most `calls` calls, and a connection beside the recorder's. */
async function standGround(calls = 1000): Promise<Ground> {
  await using starting = new AsyncDisposableStack()
  const api = starting.use(await startApi())
  const enrolled = await enrolDesk(api, (text) => text.replace('calls: 50,', 'calls: 1000,'))
  const { session } = await api.client.openSession({ agent: 'desk', limits: { calls } })
  const { keys } = await api.client.getAgent('desk')
  const sql = new Client({ connectionString: api.databaseUrl })
  await sql.connect()
  starting.defer(() => sql.end())
  const standing = starting.move()
  const start = async (databaseUrl = api.databaseUrl): Promise<Recorder> =>
    standing.use(
      await Recorder.start({
        databaseUrl,
        organisationId: api.organisationId,
        newId: randomUUIDv7,
        onConnected: () => undefined,
        log: () => undefined,
      }),
    )
  const principal: Principal = {
    agentId: enrolled.agent.id,
    agentName: 'desk',
    stakes: 'medium',
    apiKeyId: keys[0]?.id ?? '',
    sessionId: session.id,
    versionId: session.versionId,
    task: '',
    endUser: 'user',
    mode: 'enforce',
    modelBaseUrl: undefined,
  }
  const dispose = () => standing.disposeAsync()
  return { api, sql, principal, pactId: session.pactId, start, [Symbol.asyncDispose]: dispose }
}

const allow: Decision = { verdict: 'allow', code: undefined, reasons: [] }

function intentOf(ground: Ground, more: Partial<Intent> = {}): Intent {
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
    principal: ground.principal,
    pactId: ground.pactId,
    kind: 'tool',
    action: 'shop/get_order',
    isWrite: false,
    reservation: { ...noAmounts, calls: 1n },
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

function modelIntent(ground: Ground): Intent {
  return intentOf(ground, { kind: 'model', action: 'small' })
}

function outcomeOf(callId: string, more: Partial<Outcome> = {}): Outcome {
  return {
    callId,
    state: 'done',
    code: undefined,
    usage: undefined,
    used: { ...noAmounts, calls: 1n },
    response: undefined,
    resolvedBy: undefined,
    ...more,
  }
}

type Budget = { settled: number; reserved: number; leased: number; unknown: number }

async function budgetOf(ground: Ground): Promise<Budget> {
  const found = await ground.sql.query<Record<keyof Budget, string>>(
    `SELECT settled, reserved, leased, unknown FROM airworthy.budgets
    WHERE scope_id = $1 AND unit = 'calls'`,
    [ground.principal.sessionId],
  )
  const [row] = found.rows
  assert(row !== undefined)
  const { settled, reserved, leased, unknown } = row
  return {
    settled: Number(settled),
    reserved: Number(reserved),
    leased: Number(leased),
    unknown: Number(unknown),
  }
}

async function entriesOf(ground: Ground, callId: string): Promise<number> {
  const found = await ground.sql.query(
    `SELECT 1 FROM airworthy.entries WHERE convert_from(entry, 'UTF8')::jsonb ->> 'call' = $1`,
    [callId],
  )
  return found.rows.length
}

async function checkNumbering(ground: Ground): Promise<void> {
  const log = await ground.api.client.getLog()
  assert.deepEqual([log.gaps, log.agentGaps, log.brokenLinks], [0, 0, 0])
}

const unavailable = { code: 'log.unavailable' }

/** Kills the recorder's backend: all of them, where a test has several. */
async function terminateRecorders(ground: Ground): Promise<void> {
  await ground.sql.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'airworthy-recorder'`,
  )
}

async function until(what: string, ask: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function isRecorderWaiting(ground: Ground): Promise<boolean> {
  const found = await ground.sql.query(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
      AND application_name = 'airworthy-recorder' AND wait_event_type = 'Lock'`,
  )
  return found.rows.length > 0
}

async function connectAgain(recorder: Recorder): Promise<void> {
  await until('the recorder to connect again', () => recorder.replicaId !== undefined)
}

test('each item succeeds or is refused alone: a poison item fails, its batch does not', async () => {
  await using ground = await standGround()
  const recorder = await ground.start()
  const broken = intentOf(ground, {
    decide: () => {
      throw new Error('a defect')
    },
  })
  const unwritable = intentOf(ground, { action: 'a\u0000b' })
  const good = Array.from({ length: 20 }, () => intentOf(ground))
  const mixed = [...good.slice(0, 7), broken, ...good.slice(7, 14), unwritable, ...good.slice(14)]
  const results = await Promise.allSettled(mixed.map((one) => recorder.propose(one).durable))
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, 2)
  for (const { reason } of refused) assert.equal(reason.code, 'log.unavailable')
  for (const { callId } of good) assert.equal(await entriesOf(ground, callId), 1)
  for (const { callId } of [broken, unwritable]) assert.equal(await entriesOf(ground, callId), 0)
  assert.equal((await budgetOf(ground)).reserved, good.length)
  const settled = await Promise.allSettled([
    ...good.map(({ callId }) => recorder.settle(outcomeOf(callId))),
    recorder.settle(outcomeOf(randomUUIDv7())),
  ])
  assert.deepEqual(
    settled.map((one) => one.status),
    [...good.map(() => 'fulfilled'), 'rejected'],
  )
  await checkNumbering(ground)
})

test('a connection that dies before the commit refuses what waited, and nothing of it is written', async () => {
  await using ground = await standGround()
  const recorder = await ground.start()
  await recorder.propose(intentOf(ground)).durable
  await ground.sql.query('BEGIN')
  await ground.sql.query('SELECT 1 FROM airworthy.logs FOR UPDATE')
  const intents = Array.from({ length: 5 }, () => intentOf(ground))
  const proposals = intents.map((intent) => recorder.propose(intent).durable)
  await until('the recorder to wait', () => isRecorderWaiting(ground))
  await terminateRecorders(ground)
  for (const proposal of proposals) await assert.rejects(proposal, unavailable)
  await ground.sql.query('COMMIT')
  for (const { callId } of intents) assert.equal(await entriesOf(ground, callId), 0)
  await connectAgain(recorder)
  await recorder.propose(intentOf(ground)).durable
  await checkNumbering(ground)
})

test('a connection that dies after the commit, before the reply: refused, and recovered as over', async () => {
  await using ground = await standGround()
  await using dropper = await startReplyDropper(ground.api.databaseUrl)
  const recorder = await ground.start(dropper.url)
  await recorder.propose(intentOf(ground)).durable
  const lost = intentOf(ground, { isWrite: true, action: 'shop/cancel_order', effect: write('k') })
  dropper.dropAfter('airworthy-record')
  const proposal = recorder.propose(lost).durable
  await until('the commit', async () => (await entriesOf(ground, lost.callId)) === 1)
  await terminateRecorders(ground)
  dropper.cut()
  await assert.rejects(proposal, unavailable)
  assert.equal((await budgetOf(ground)).reserved, 2)
  await connectAgain(recorder)
  const { db, organisationId } = ground.api
  await recoverDeadReplicas(db, organisationId, recorder.replicaId)
  assert.deepEqual(await budgetOf(ground), { settled: 1, reserved: 0, leased: 0, unknown: 1 })
  const repeat = await recorder.propose(
    intentOf(ground, { isWrite: true, action: 'shop/cancel_order', effect: write('k') }),
  ).durable
  assert.deepEqual(
    [
      repeat.kind,
      repeat.kind === 'wait' && repeat.reason,
      repeat.kind === 'wait' && repeat.ofCallId,
    ],
    ['wait', 'unknown', lost.callId],
  )
  await recorder.settle(outcomeOf(lost.callId, { resolvedBy: 'probe' }))
  assert.deepEqual(await budgetOf(ground), { settled: 2, reserved: 0, leased: 0, unknown: 0 })
  await checkNumbering(ground)
})

function write(key: string): NonNullable<Intent['effect']> {
  return {
    effectClass: 'reversible',
    key,
    argsHash: 'hash',
    windowMs: undefined,
    amountMinor: undefined,
    currency: undefined,
  }
}

test('an outcome whose connection dies is written once, after the connection is back', async () => {
  await using ground = await standGround()
  const recorder = await ground.start()
  const intent = intentOf(ground)
  await recorder.propose(intent).durable
  await ground.sql.query('BEGIN')
  await ground.sql.query('SELECT 1 FROM airworthy.logs FOR UPDATE')
  const settling = recorder.settle(outcomeOf(intent.callId))
  await until('the recorder to wait', () => isRecorderWaiting(ground))
  await terminateRecorders(ground)
  await ground.sql.query('COMMIT')
  assert.equal((await settling).state, 'done')
  assert.equal(await entriesOf(ground, intent.callId), 2)
  assert.deepEqual(await budgetOf(ground), { settled: 1, reserved: 0, leased: 0, unknown: 0 })
  await assert.rejects(recorder.settle(outcomeOf(intent.callId)), { code: 'call.unknown' })
})

test('a log that cannot be written refuses, and serves again when it can', async () => {
  await using ground = await standGround()
  const recorder = await ground.start()
  await ground.sql.query('UPDATE airworthy.logs SET is_open = false')
  await assert.rejects(recorder.propose(intentOf(ground)).durable, unavailable)
  await ground.sql.query('UPDATE airworthy.logs SET is_open = true')
  assert.equal((await recorder.propose(intentOf(ground)).durable).kind, 'proceed')
  await ground.sql.query(
    'ALTER TABLE airworthy.entries ADD CONSTRAINT no_more CHECK (false) NOT VALID',
  )
  const refused = intentOf(ground)
  await assert.rejects(recorder.propose(refused).durable, unavailable)
  await ground.sql.query('ALTER TABLE airworthy.entries DROP CONSTRAINT no_more')
  assert.equal((await recorder.propose(intentOf(ground)).durable).kind, 'proceed')
  assert.deepEqual(
    [await entriesOf(ground, refused.callId), (await budgetOf(ground)).reserved],
    [0, 2],
  )
})

test('two recorders and the control API number one log without gaps, and no budget is passed', async () => {
  await using ground = await standGround(150)
  const [one, other] = [await ground.start(), await ground.start()]
  const { db, organisationId } = ground.api
  const results: IntentResult[] = []
  const fly = async (recorder: Recorder, index: number): Promise<void> => {
    const intent = index % 3 === 0 ? modelIntent(ground) : intentOf(ground)
    const result = await recorder.propose(intent).durable
    results.push(result)
    if (result.kind === 'proceed') await recorder.settle(outcomeOf(result.callId))
  }
  const agentId = ground.principal.agentId
  const append = () =>
    runCommand(db, organisationId, (tx) =>
      appendEntries(tx, organisationId, [{ type: 'key.issued', agentId, body: { key: 'k' } }]),
    )
  await Promise.all(
    Array.from({ length: 100 }, (_, index) => [
      fly(one, index),
      fly(other, index),
      ...(index % 10 === 0 ? [append()] : []),
    ]).flat(),
  )
  assert.equal(results.filter((result) => result.kind === 'proceed').length, 150)
  assert.equal(results.filter((result) => result.kind === 'denied').length, 50)
  const budget = await budgetOf(ground)
  assert.deepEqual([budget.settled, budget.reserved, budget.unknown], [150, 0, 0])
  await checkNumbering(ground)
})

/** From now on every commit of entries waits for an advisory lock that this connection holds. */
async function holdCommits(ground: Ground): Promise<() => Promise<void>> {
  await ground.sql.query(`
    CREATE FUNCTION public.wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON airworthy.entries
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.wait_at_commit();
    SELECT pg_advisory_lock(4242)`)
  return async () => void (await ground.sql.query('SELECT pg_advisory_unlock(4242)'))
}

test('a model call leaves before its intent is durable only when a lease covers it; a tool call never', async () => {
  await using ground = await standGround(10)
  const recorder = await ground.start()
  // It asks for one call, and earns a lease of two.
  const first = await recorder.propose(modelIntent(ground)).durable
  assert.equal((await budgetOf(ground)).leased, 2)
  const release = await holdCommits(ground)
  const intents = [modelIntent(ground), intentOf(ground), modelIntent(ground), modelIntent(ground)]
  const settledEarly: string[] = []
  const durable: string[] = []
  const proposals = intents.map((intent) => {
    const proposal = recorder.propose(intent)
    void proposal.decided.then(() => settledEarly.push(intent.callId))
    void proposal.durable.then(() => durable.push(intent.callId))
    return proposal.durable
  })
  await until('the commit to wait', () => isRecorderWaiting(ground))
  await until('the leased calls to leave', () => settledEarly.length >= 2)
  assert.deepEqual(settledEarly, [intents[0]?.callId, intents[2]?.callId])
  assert.deepEqual(durable, [])
  await release()
  await Promise.all(proposals)
  assert.equal(durable.length, 4)
  const { reserved, leased } = await budgetOf(ground)
  assert.equal(reserved, 5)
  assert(leased + reserved <= 10)
  assert.equal(first.kind, 'proceed')
})

test('a leased call that left although its intent was lost stays unknown with its lease', async () => {
  await using ground = await standGround(10)
  const recorder = await ground.start()
  const first = await recorder.propose(modelIntent(ground)).durable
  assert(first.kind === 'proceed')
  await recorder.settle(outcomeOf(first.callId))
  const release = await holdCommits(ground)
  const leaving = recorder.propose(modelIntent(ground))
  await leaving.decided
  await until('the commit to wait', () => isRecorderWaiting(ground))
  await terminateRecorders(ground)
  await assert.rejects(leaving.durable, unavailable)
  await release()
  await connectAgain(recorder)
  const { db, organisationId } = ground.api
  await recoverDeadReplicas(db, organisationId, recorder.replicaId)
  assert.deepEqual(await budgetOf(ground), { settled: 1, reserved: 0, leased: 0, unknown: 2 })
  await checkNumbering(ground)
})

test('a living replica’s lease is taken back before a call is refused; a dead one’s is unknown', async () => {
  await using ground = await standGround(10)
  const [one, other] = [await ground.start(), await ground.start()]
  const first = await one.propose(modelIntent(ground)).durable
  assert(first.kind === 'proceed')
  assert.deepEqual(await budgetOf(ground), { settled: 0, reserved: 1, leased: 2, unknown: 0 })
  const nine = await Promise.all(
    Array.from({ length: 9 }, () => other.propose(intentOf(ground)).durable),
  )
  assert.equal(nine.filter((result) => result.kind === 'proceed').length, 9)
  assert.deepEqual(await budgetOf(ground), { settled: 0, reserved: 10, leased: 0, unknown: 0 })
  const beyond = await one.propose(modelIntent(ground)).durable
  assert.deepEqual(
    [beyond.kind, beyond.kind === 'denied' && beyond.code],
    ['denied', 'budget.exceeded'],
  )
  // What failed before it used anything makes room, and the next model call leases again.
  for (const { callId } of nine.filter((result) => result.kind === 'proceed')) {
    await other.settle(outcomeOf(callId, { state: 'failed', used: noAmounts }))
  }
  const again = await one.propose(modelIntent(ground)).durable
  assert.equal(again.kind, 'proceed')
  assert.deepEqual(await budgetOf(ground), { settled: 0, reserved: 2, leased: 2, unknown: 0 })
  await one[Symbol.asyncDispose]()
  const { db, organisationId } = ground.api
  await recoverDeadReplicas(db, organisationId, other.replicaId)
  assert.deepEqual(await budgetOf(ground), { settled: 0, reserved: 0, leased: 0, unknown: 4 })
  const rest = await Promise.all(
    Array.from({ length: 8 }, () => other.propose(intentOf(ground)).durable),
  )
  assert.equal(rest.filter((result) => result.kind === 'proceed').length, 6)
})

test('an outcome is written although its session was forgotten since: somebody else moved the head', async () => {
  await using ground = await standGround()
  const recorder = await ground.start()
  const first = intentOf(ground)
  assert.equal((await recorder.propose(first).durable).kind, 'proceed')
  // Opening a session moves the head; a call in it makes the recorder read anew, and only that one.
  const { session } = await ground.api.client.openSession({ agent: 'desk' })
  const principal = { ...ground.principal, sessionId: session.id }
  assert.equal((await recorder.propose(intentOf(ground, { principal })).durable).kind, 'proceed')
  assert.equal((await recorder.settle(outcomeOf(first.callId))).state, 'done')
  await checkNumbering(ground)
})
