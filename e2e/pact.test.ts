// Rules that can be tested, explained and replayed: `airworthy pact` against the real server, on
// sessions that really happened.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after as atEnd, test } from 'node:test'
import { AirworthyApiError, type ExplainedDecision, type ReplayedPage } from '@airworthy/sdk'
import { type CliResult, runCli } from '../server/test/cli/run-cli.ts'
import { chat } from './harness/clients.ts'
import { behave, toolText } from './harness/fake-tools.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { asRecord, at, type Json } from './harness/json.ts'
import { type ManifestOptions, manifestText } from './harness/manifest.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const { server, tools } = ground
const directory = await mkdtemp(join(tmpdir(), 'airworthy-pact-'))
atEnd(() => rm(directory, { recursive: true, force: true }))

const customerFirst: Json = {
  id: 'customer-first',
  effect: 'deny',
  tools: ['desk/write_order', 'desk/refund'],
  when: "session.done['desk/find_customer'] == 0",
  reason: 'a write needs a customer who was found in this session',
}
const bigRefund: Json = {
  id: 'big-refund',
  effect: 'hold',
  tools: ['desk/refund'],
  when: 'call.amount > 20000',
}
const found = { done: { 'desk/find_customer': 1 } }
const refund = (amount: number): Json => ({
  tool: 'desk/refund',
  arguments: { order_id: 'a', amount },
})

const goodTests: readonly Json[] = [
  { name: 'early', call: refund(1), expect: 'deny', rule: 'customer-first', code: 'policy.denied' },
  { name: 'small', call: refund(200), session: found, expect: 'allow' },
  { name: 'big', call: refund(200.01), session: found, expect: 'hold', rule: 'big-refund' },
  { name: 'model', call: { model: 'fake' }, expect: 'allow' },
  {
    name: 'no order',
    call: { tool: 'desk/refund', arguments: { amount: 1 } },
    session: found,
    expect: 'deny',
    code: 'tool.arguments_invalid',
  },
]

type Options = Partial<ManifestOptions> & { readonly tests?: readonly Json[] }

function manifestOf(name: string, { tests, ...more }: Options = {}): string {
  const modelBaseUrl = ground.upstream.base('echo', name)
  const text = manifestText({ name, modelBaseUrl, toolsUrl: tools.url, ...more })
  if (tests === undefined) return text
  const manifest = asRecord(JSON.parse(text))
  return JSON.stringify({ ...manifest, pact: { ...asRecord(manifest['pact']), tests } }, null, 1)
}

async function airworthy(...args: string[]): Promise<CliResult> {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  return runCli(args, { env })
}

async function fileOf(name: string, text: string): Promise<string> {
  const file = join(directory, `${name}.json`)
  await writeFile(file, text)
  return file
}

async function replay(manifest: string, more: Json = {}): Promise<ReplayedPage> {
  return server.client.replayPact({ manifest, file: 'agent.json', ...more })
}

test('pact check passes a manifest whose tests pass, and stores nothing', async () => {
  const rules = [customerFirst, bigRefund]
  const file = await fileOf('good', manifestOf('check-good', { rules, tests: goodTests }))
  const checked = await airworthy('pact', 'check', '-f', file)
  assert.equal(checked.exitCode, 0, checked.stdout + checked.stderr)
  assert.match(checked.stdout, /4 rules, 5 tools, 1 models; tests: 5 passed, 0 failed/)
  const strict = await airworthy('pact', 'check', '-f', file, '--strict')
  assert.equal(strict.exitCode, 2)
  assert.match(
    strict.stdout,
    /:\d+:\d+ warning write\.no_undo: desk\/notify writes and has no undo/,
  )
  await assert.rejects(server.client.getAgent('check-good'), { code: 'agent.unknown' })
})

test('a failing test fails the check at its line, and its manifest is not enrolled', async () => {
  const wrong = { name: 'wrong', call: refund(300), session: found, expect: 'deny' }
  const manifest = manifestOf('check-bad', {
    rules: [bigRefund],
    tests: [...goodTests.slice(1), wrong],
  })
  const file = await fileOf('bad', manifest)
  const checked = await airworthy('pact', 'check', '-f', file, '--json')
  assert.equal(checked.exitCode, 2)
  const result: unknown = JSON.parse(checked.stdout)
  assert.equal(at(result, 'ok'), false)
  assert.equal(at(result, 'tests.4.passed'), false)
  assert.equal(at(result, 'tests.4.got.verdict'), 'hold')
  assert.equal(at(result, 'tests.4.failure'), 'expected deny, got hold call.held (big-refund)')
  const line = manifest.split('\n').findIndex((each) => each.includes('"wrong"'))
  // The test is an object that opens on the line before its name.
  assert.equal(at(result, 'tests.4.line'), line)
  await assert.rejects(server.client.enrolAgent({ manifest, file: 'bad.json' }), (thrown) => {
    assert(thrown instanceof AirworthyApiError)
    assert.equal(thrown.code, 'manifest.invalid')
    assert.equal(at(thrown.detail, 'problems.0.path'), 'pact.tests[4]')
    assert.equal(at(thrown.detail, 'problems.0.line'), line)
    return true
  })
  await assert.rejects(server.client.getAgent('check-bad'), { code: 'agent.unknown' })
})

test('pact check tells where a manifest is wrong, as enrolment does', async () => {
  const rules = [{ ...customerFirst, when: "session.done['desk/find_custmer'] == 0" }]
  const file = await fileOf('typo', manifestOf('check-typo', { rules }))
  const checked = await airworthy('pact', 'check', '-f', file)
  assert.equal(checked.exitCode, 2)
  assert.match(checked.stdout, /typo\.json:1:\d+ pact\.permissions\[2\]\.when: .*did you mean/)
})

test('pact check finds rules that never decide, tools nobody judged, and holds nobody can pass', async () => {
  const rules = [
    { id: 'never', effect: 'allow', tools: ['desk/notify'], when: "args.note == 'x'" },
    { id: 'no-notes', effect: 'deny', tools: ['desk/notify'] },
    { id: 'hold-big', effect: 'hold', tools: ['desk/refund'], when: 'call.amount > 50000' },
    { id: 'deny-big', effect: 'deny', tools: ['desk/refund'], when: 'call.amount > 20000' },
  ]
  const manifest = manifestOf('check-findings', { rules })
  const { ok, findings } = await server.client.checkPact({ manifest, file: 'agent.json' })
  assert.equal(ok, true)
  const codes = findings.map(({ code, path }) => `${code} ${path}`)
  for (const expected of [
    'rule.shadowed pact.permissions[2]',
    'hold.never_passes pact.permissions[4]',
    'tool.no_rule tools.desk/notify',
    'tool.no_contract tools',
    'test.none pact',
  ]) {
    assert(codes.includes(expected), `${expected} in ${codes.join(', ')}`)
  }
  assert(!codes.includes('hold.never_passes pact.permissions[5]'))
})

test('explain shows each rule about the tool, what it read and what it said', async () => {
  const agent = await enrol(ground, { rules: [customerFirst, bigRefund] })
  await using session = await agent.open()
  const denied = await session.call('refund', { order_id: 'a', amount: 300 })
  const explained = await server.client.explainCall(String(denied.meta['airworthy/call']))
  assert.deepEqual([explained.agrees, explained.facts], [true, 'recorded'])
  assert.deepEqual(explained.again, { verdict: 'deny', code: 'policy.denied' })
  const shown = explained.rules.map(({ rule, said, isDecisive, reads }) => ({
    rule,
    said,
    isDecisive,
    reads: reads.map(({ name, value, source }) => [name, value, source]),
  }))
  assert.deepEqual(shown, [
    { rule: 'tools', said: 'spoke', isDecisive: false, reads: [] },
    {
      rule: 'customer-first',
      said: 'spoke',
      isDecisive: true,
      reads: [['session.done["desk/find_customer"]', 0, 'recorded']],
    },
    {
      rule: 'big-refund',
      said: 'spoke',
      isDecisive: false,
      reads: [['call.amount', 30000, 'call']],
    },
  ])
  const printed = await airworthy('pact', 'explain', explained.call)
  assert.equal(printed.exitCode, 0, printed.stderr)
  assert.match(printed.stdout, /\* customer-first \(deny\): spoke/)
  assert.match(printed.stdout, /session\.done\["desk\/find_customer"\] = 0 {2}\(recorded\)/)
})

test('explain keeps the facts of then, whatever the session did since', async () => {
  const rule = {
    id: 'few',
    effect: 'deny',
    tools: ['desk/write_order'],
    when: 'session.writes >= 2',
  }
  const agent = await enrol(ground, { rules: [rule] })
  await using session = await agent.open()
  const replies = await Promise.all(
    ['a', 'b', 'c', 'd'].map((order_id) => session.call('write_order', { order_id })),
  )
  const writes: unknown[] = []
  for (const reply of replies) {
    const explained = await server.client.explainCall(String(reply.meta['airworthy/call']))
    assert.equal(explained.agrees, true, JSON.stringify(explained))
    writes.push(readOf(explained, 'few', 'session.writes'))
  }
  // Two of the four in flight were placed first; the others saw both.
  assert.deepEqual(writes.map(String).toSorted(), ['0', '1', '2', '2'])
})

function readOf({ rules }: ExplainedDecision, rule: string, name: string): unknown {
  return rules.find((each) => each.rule === rule)?.reads.find((each) => each.name === name)?.value
}

test('explain rebuilds the facts of a model call from the session, and says so', async () => {
  const rule = { id: 'few', effect: 'deny', models: ['*'], when: 'session.modelCalls >= 2' }
  const agent = await enrol(ground, { rules: [rule] })
  await using session = await agent.open()
  const ids: string[] = []
  for (let turn = 0; turn < 3; turn += 1) {
    const reply = await session.post(chat())
    ids.push(reply.headers.get('airworthy-call') ?? '')
  }
  const explained = await Promise.all(ids.map((id) => server.client.explainCall(id)))
  assert.deepEqual(
    explained.map((each) => [each.facts, each.agrees, readOf(each, 'few', 'session.modelCalls')]),
    [
      ['rebuilt', true, 0],
      ['rebuilt', true, 1],
      ['rebuilt', true, 2],
    ],
  )
})

test('an explanation says when the arguments are forgotten, and does not guess', async () => {
  const rule = {
    id: 'odd',
    effect: 'deny',
    tools: ['desk/get_order'],
    when: "args.order_id == 'odd'",
  }
  const agent = await enrol(ground, { rules: [rule] })
  await using session = await agent.open({ endUser: 'forgotten-customer' })
  const denied = await session.call('get_order', { order_id: 'odd' })
  await ground.database.query(
    `UPDATE airworthy.subject_keys SET destroyed_at = now() WHERE subject_id IN
      (SELECT subject_id FROM airworthy.payloads WHERE call_id = $1)`,
    [denied.meta['airworthy/call']],
  )
  const explained = await server.client.explainCall(String(denied.meta['airworthy/call']))
  assert.deepEqual([explained.again, explained.agrees], [null, null])
  assert.deepEqual(
    explained.recorded.reasons.map((reason) => reason.rule),
    ['tools', 'odd'],
  )
  assert.match(explained.notes.join(' '), /forgotten/)
  const rules = [{ ...rule, when: "args.order_id == 'even'" }]
  const page = await replay(manifestOf(agent.name, { rules }))
  assert.deepEqual(
    page.sessions.map((each) => each.skipped.forgotten),
    [1],
  )
})

/** Everything that changes facts: parallel writes, a failure, an unknown outcome, a hold. */
async function work(session: TestSession): Promise<void> {
  await session.post(chat())
  await session.call('refund', { order_id: 'early', amount: 5 })
  await session.call('find_customer', { email: 'a@b' })
  tools.direct(session.id, 'write_order', () => ({
    isError: true,
    content: [{ type: 'text', text: 'out of stock' }],
  }))
  await session.call('write_order', { order_id: 'failing' })
  const gate = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    const result = behave(tools.journal, call)
    await gate.passed
    return result
  })
  const late = await session.call('write_order', { order_id: 'late' })
  assert.equal(at(late.value, 'code'), 'effect.unknown')
  gate.open()
  tools.direct(session.id, 'write_order', undefined)
  await Promise.all(
    Array.from({ length: 6 }, (_, index) => session.call('write_order', { order_id: `p${index}` })),
  )
  await session.call('refund', { order_id: 'r1', amount: 150 })
  const held = await session.call('refund', { order_id: 'r2', amount: 300 })
  await session.call('refund', { order_id: 'r3', amount: 20 })
  await server.client.approveHold(String(at(held.value, 'id')))
  await session.call('write_order', { order_id: 'p0' })
  await session.post(chat())
}

const replayed: Options = {
  toolTimeoutMs: 500,
  rules: [
    customerFirst,
    bigRefund,
    { id: 'four', effect: 'deny', tools: ['desk/write_order'], when: 'session.writes >= 4' },
    {
      id: 'lost',
      effect: 'hold',
      tools: ['desk/refund'],
      when: "session.unknown['desk/write_order'] > 1 || session.failed['desk/write_order'] > 3",
    },
    { id: 'money', effect: 'deny', models: ['*'], when: 'session.spentNanoUsd > 90000000' },
  ],
}

test('a pact replayed over its own sessions differs nowhere, and facts are rebuilt exactly', async () => {
  const agent = await enrol(ground, { ...replayed, rules: [...(replayed.rules ?? [])] })
  await using session = await agent.open()
  await work(session)
  const page = await replay(manifestOf(agent.name, replayed))
  const [only] = page.sessions
  assert(only !== undefined)
  assert.deepEqual([page.total, page.next, only.id], [1, null, session.id])
  assert.deepEqual([only.differences, only.unlike], [[], 0])
  assert.deepEqual(only.skipped.forgotten + only.skipped.unknown, 0)
  const { calls, session: row } = await session.detail()
  assert.equal(only.calls, calls.length)
  assert.equal(only.compared + only.skipped.repeats + only.skipped.refused, calls.length)
  // What each decision recorded under the lock is what the record gives when it is counted again.
  for (const call of calls) {
    if (call.kind === 'model' || call.state === 'repeated') continue
    const explained = await server.client.explainCall(call.id)
    assert.equal(explained.agrees, true, JSON.stringify(explained, null, 1))
  }
  assert.equal(row.facts.held, 1)
})

test('a replay tells what a changed pact would have decided, with money, rules and calls', async () => {
  const agent = await enrol(ground, replayed)
  await using session = await agent.open()
  await work(session)
  const stricter = [
    ...(replayed.rules ?? []),
    { id: 'mid-refund', effect: 'hold', tools: ['desk/refund'], when: 'call.amount > 10000' },
    { id: 'no-tiny', effect: 'deny', tools: ['desk/refund'], when: 'call.amount < 3000' },
  ]
  const changed = stricter.filter((rule) => at(rule, 'id') !== 'four')
  const page = await replay(manifestOf(agent.name, { ...replayed, rules: changed }))
  const differences = page.sessions.flatMap((each) => each.differences)
  const told = differences.map(({ action, before, after, amount, rules }) =>
    [action, `${before} -> ${after}`, amount?.minorUnits, ...rules].join(' '),
  )
  assert.deepEqual(
    told.filter((each) => each.startsWith('desk/refund')),
    ['desk/refund allow -> hold 15000 mid-refund', 'desk/refund allow -> deny 2000 no-tiny'],
  )
  // Of the six parallel writes two passed, after the failed one and the unknown one.
  const opened = differences.filter(({ action }) => action === 'desk/write_order')
  assert(
    opened.length === 4 &&
      opened.every(({ before, after }) => before === 'deny' && after === 'allow'),
  )
  assert.deepEqual(
    differences.map(({ isFirst }) => isFirst),
    differences.map((_, index) => index === 0),
  )
  const file = await fileOf('changed', manifestOf(agent.name, { ...replayed, rules: changed }))
  const printed = await airworthy('pact', 'replay', '-f', file, '--last', '5', '--gate')
  assert.equal(printed.exitCode, 2, printed.stderr)
  assert.match(printed.stdout, /allow -> hold +1 +\d +150\.00 USD/)
  assert.match(printed.stdout, /no-tiny +1 allow -> deny/)
})

test('a replay goes page by page through the chosen sessions, and refuses others', async () => {
  const agent = await enrol(ground)
  const ids: string[] = []
  for (let count = 0; count < 5; count += 1) {
    await using session = await agent.open()
    await session.call('get_order', { order_id: 'a' })
    ids.push(session.id)
  }
  const manifest = manifestOf(agent.name, {
    rules: [{ id: 'no-reads', effect: 'deny', tools: ['desk/get_*'] }],
  })
  const seen: string[] = []
  let after: string | null = null
  do {
    const page: ReplayedPage = await replay(manifest, {
      limit: 2,
      ...(after === null ? {} : { after }),
    })
    assert.equal(page.total, 5)
    seen.push(...page.sessions.map((each) => each.id))
    after = page.next
  } while (after !== null)
  assert.deepEqual(seen, ids)
  const newest = await replay(manifest, { last: 2 })
  assert.deepEqual(
    newest.sessions.map((each) => each.id),
    ids.slice(3),
  )
  const chosen = await replay(manifest, { sessions: [ids[1], ids[4]] })
  assert.deepEqual(
    chosen.sessions.map((each) => each.id),
    [ids[1], ids[4]],
  )
  assert.deepEqual((await replay(manifest, { recorded: true })).sessions, [])
  const other = await enrol(ground)
  await using foreign = await other.open()
  await assert.rejects(replay(manifest, { sessions: [foreign.id] }), { code: 'request.not_found' })
  const gone = await airworthy('pact', 'replay', '-f', '/nowhere/agent.yaml')
  assert.equal(gone.exitCode, 64)
})

test('a replay waits for a fact that is not there: a quote nobody asked for', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  tools.direct(session.id, 'quote', () => toolText({ amount: 5 }))
  await session.call('write_order', { order_id: '7' })
  const quoted = {
    effect: 'irreversible',
    amount: {
      quote: { tool: 'quote', arguments: { order_id: '{{args.order_id}}' }, path: 'amount' },
      currency: 'USD',
    },
  }
  const page = await replay(
    manifestOf(agent.name, {
      tools: { 'desk/write_order': quoted, 'desk/get_order': { effect: 'read' } },
      permissions: [{ id: 'all', effect: 'allow', tools: ['*'], models: ['*'] }],
    }),
  )
  assert.deepEqual(
    page.sessions.map((each) => [each.skipped.unknown, each.differences]),
    [[1, []]],
  )
  await until('the call to settle', async () => (await session.detail()).calls[0]?.state === 'done')
})
