// Who decides about a held call: policies, quorums, levels, signed votes, questions that open again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generateSigningKey, signOperatorKey, signVote, createSigner } from '@airworthy/sdk'
import { addPerson, addSignatory } from './harness/operators.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { readEntries } from './harness/record.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { tools, server, database } = ground
const { client } = server

const holdRefunds: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }

type Level = { approvers?: Json; quorum?: number; withinSeconds: number }

function policy(levels: readonly Level[], more: Json = {}): Json {
  return { id: 'refunds', for: { rules: ['big'] }, levels, ...more }
}

function executed(session: TestSession): number {
  return tools.journal.filter((call) => call.session === session.id).length
}

let ordersMade = 0

async function holdRefund(session: TestSession, orderId?: string): Promise<string> {
  ordersMade += 1
  const order = orderId ?? `order-${ordersMade}`
  const held = await session.call('refund', { order_id: order, amount: 5 })
  assert.equal(at(held.value, 'held'), true, JSON.stringify(held.value))
  return String(at(held.value, 'id'))
}

const agentWith = (approvals: readonly Json[], more: Json = {}) =>
  enrol(ground, { rules: [holdRefunds], more: { approvals, ...more } })

const forbidden = (why: string) => (error: unknown) =>
  at(error, 'code') === 'vote.forbidden' && at(error, 'detail.why') === why

test('two of three: a no and then two yes pass, two no deny; one vote a person', async () => {
  const agent = await agentWith([policy([{ quorum: 2, withinSeconds: 600 }])])
  await using session = await agent.open()
  const [ann, ben, cleo] = [
    await addPerson(server),
    await addPerson(server),
    await addPerson(server),
  ]
  const passes = await holdRefund(session)
  const first = await ann.client.rejectHold(passes)
  assert.deepEqual([first.hold.state, first.call.state], ['pending', 'held'])
  await assert.rejects(ann.client.approveHold(passes), { code: 'vote.cast' })
  assert.equal((await ben.client.approveHold(passes)).hold.state, 'pending')
  assert.equal(executed(session), 0)
  assert.equal((await cleo.client.approveHold(passes)).call.state, 'done')
  assert.equal(executed(session), 1)
  const denied = await holdRefund(session)
  await ann.client.rejectHold(denied)
  const last = await ben.client.rejectHold(denied)
  assert.deepEqual([last.hold.state, last.call.code], ['rejected', 'hold.rejected'])
  await assert.rejects(cleo.client.approveHold(denied), { code: 'hold.settled' })
  assert.equal(executed(session), 1)
})

test('the author, the own team and whoever is not asked cannot vote', async () => {
  const levels = [{ approvers: { teams: ['finance'], operators: ['boss'] }, withinSeconds: 600 }]
  const agent = await agentWith([policy(levels, { excludeOwnTeam: true })])
  const boss = await addPerson(server, { name: 'boss', role: 'operator' })
  const { session: opened, sessionKey } = await boss.client.openSession({ agent: agent.name })
  assert(sessionKey)
  await using session = await agent.open()
  const id = await holdRefund(session)
  await assert.rejects(client.approveHold(id), forbidden('author'))
  const stranger = await addPerson(server)
  await assert.rejects(stranger.client.approveHold(id), forbidden('not_asked'))
  const own = await addPerson(server, { teams: ['finance', 'tests@example.com'] })
  await assert.rejects(own.client.approveHold(id), forbidden('own_team'))
  const auditor = await addPerson(server, { role: 'auditor' })
  await assert.rejects(auditor.client.approveHold(id), { code: 'auth.forbidden' })
  await client.revokeOperator(stranger.id)
  await assert.rejects(stranger.client.approveHold(id), { code: 'auth.revoked_key' })
  assert.equal((await boss.client.approveHold(id)).call.state, 'done')
  await client.closeSession(opened.id)
})

test('who opened a session by a launcher is its author too', async () => {
  const agent = await agentWith([policy([{ withinSeconds: 600 }])])
  const maker = await addPerson(server, { role: 'operator' })
  const launcher = await maker.client.addOperator({ name: 'launcher-1', role: 'launcher' })
  const asLauncher = await addPerson(server)
  const opened = await database.query(
    `SELECT added_by FROM airworthy.operators WHERE operator_id = $1`,
    [launcher.operator.id],
  )
  assert.equal(opened.rows[0]?.['added_by'], maker.id)
  await using session = await agent.open()
  await database.query('UPDATE airworthy.sessions SET opened_by = $2 WHERE session_id = $1', [
    session.id,
    launcher.operator.id,
  ])
  const id = await holdRefund(session)
  await assert.rejects(maker.client.approveHold(id), forbidden('author'))
  assert.equal((await asLauncher.client.approveHold(id)).call.state, 'done')
})

test('after its time the next level is asked too, then admins, and then it is denied', async () => {
  const levels = [
    { approvers: { teams: ['first'] }, withinSeconds: 1 },
    { approvers: { teams: ['second'] }, withinSeconds: 600 },
  ]
  const agent = await agentWith([policy(levels, { onExpiry: 'escalate' })])
  await using session = await agent.open()
  const [first, second] = [
    await addPerson(server, { teams: ['first'] }),
    await addPerson(server, { teams: ['second'] }),
  ]
  const id = await holdRefund(session)
  await assert.rejects(second.client.approveHold(id), forbidden('not_asked_yet'))
  const levelNow = async () => (await client.getBallot(id)).ballot.level
  await until('level 2', async () => (await levelNow()) === 2)
  // Time passes in the database: the level is over, and every admin is asked.
  await database.query(
    `UPDATE airworthy.holds SET level_until = clock_timestamp() - interval '1 second'
     WHERE hold_id = $1`,
    [id],
  )
  await until('level 3', async () => (await levelNow()) === 3)
  const admin = await addPerson(server, { role: 'admin' })
  assert.equal((await first.client.rejectHold(id)).hold.state, 'rejected', 'level 1 stays asked')
  const late = await holdRefund(session)
  await database.query(
    `UPDATE airworthy.holds SET level = 3, level_until = clock_timestamp() - interval '2 seconds',
     expires_at = clock_timestamp() - interval '1 second' WHERE hold_id = $1`,
    [late],
  )
  await until('the end', async () => (await client.getHold(late)).state === 'expired')
  await assert.rejects(admin.client.approveHold(late), { code: 'hold.settled' })
  const types = (await readEntries(database))
    .filter(({ entry }) => at(entry, 'body.hold') === id)
    .map(({ entry }) => entry['type'])
  assert.deepEqual(types, ['call.held', 'hold.level', 'hold.level', 'hold.voted', 'hold.rejected'])
})

test('whoever is on call votes, and nobody whose shift it is not', async () => {
  const agent = await agentWith([policy([{ approvers: { onCall: 'nights' }, withinSeconds: 600 }])])
  await using session = await agent.open()
  const [ann, ben] = [await addPerson(server), await addPerson(server)]
  const id = await holdRefund(session)
  await assert.rejects(ann.client.approveHold(id), forbidden('not_asked'))
  const startsOn = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10)
  const turn = { members: [ann.name, ben.id], zone: 'UTC', startsOn, handoverAt: '00:00' }
  const set = await client.setSchedule('nights', { ...turn, shiftDays: 1 })
  assert.equal(set.onCall?.id, ann.id)
  await assert.rejects(ben.client.approveHold(id), forbidden('not_asked'))
  assert.equal((await ann.client.approveHold(id)).call.state, 'done')
  await assert.rejects(client.getSchedule('days'), { code: 'oncall.unknown' })
})

test('a signed vote is evidence: statement, signature and key, verified by anybody', async () => {
  const agent = await agentWith([policy([{ quorum: 1, withinSeconds: 600 }])])
  await using session = await agent.open()
  const ann = await addSignatory(server)
  const id = await holdRefund(session)
  await assert.rejects(ann.client.approveHold(id), { code: 'vote.unsigned' })
  await ann.vote(id, { vote: 'approve' })
  assert.equal(executed(session), 1)
  const { votes } = await client.listVotes(id)
  const [vote] = votes
  assert.equal(vote?.key, ann.signer.thumbprint)
  const { keys } = await ann.client.listOperatorKeys('me')
  const key = await crypto.subtle.importKey(
    'jwk',
    { kty: 'OKP', crv: 'Ed25519', x: keys[0]?.publicKey ?? '' },
    'Ed25519',
    false,
    ['verify'],
  )
  const bytes = Buffer.from(vote?.statement ?? '')
  const signature = Buffer.from(vote?.signature ?? '', 'base64url')
  assert(await crypto.subtle.verify('Ed25519', key, signature, bytes))
  assert.equal(at(JSON.parse(bytes.toString()), 'hold'), id)
  const entry = (await readEntries(database)).find(({ entry: each }) => {
    return each['type'] === 'hold.voted' && at(each, 'body.hold') === id
  })?.entry
  assert.equal(at(entry, 'body.signature'), vote?.signature)
  assert.equal(at(entry, 'body.key'), ann.signer.thumbprint)
})

test('where the stakes are high every vote must be signed', async () => {
  const agent = await enrol(ground, {
    rules: [holdRefunds],
    stakes: 'high',
    more: { approvals: [policy([{ withinSeconds: 600 }])] },
  })
  await using session = await agent.open()
  const id = await holdRefund(session)
  const [plain, ann] = [await addPerson(server), await addSignatory(server)]
  await assert.rejects(plain.client.approveHold(id), { code: 'vote.unsigned' })
  await ann.vote(id, { vote: 'approve' })
  assert.equal(executed(session), 1)
})

test('a further key needs one that vouches; a revoked key takes its votes with it', async () => {
  const agent = await agentWith([policy([{ quorum: 2, withinSeconds: 600 }])])
  await using session = await agent.open()
  const [ann, ben] = [await addSignatory(server), await addSignatory(server)]
  const { organisation } = await ann.client.listOperatorKeys('me')
  const { privateJwk, publicJwk } = await generateSigningKey()
  const next = await createSigner(privateJwk)
  const enrolled = { organisation, operator: ann.id, key: next.thumbprint }
  const proof = await signOperatorKey(enrolled, next)
  const added = { publicKey: publicJwk.x, proof }
  const unendorsed = { code: 'operator.key_unendorsed' }
  await assert.rejects(ann.client.addOperatorKey('me', added), unendorsed)
  const foreign = await signOperatorKey(enrolled, ben.signer)
  const bad = { ...added, endorsement: foreign }
  await assert.rejects(ann.client.addOperatorKey('me', bad), unendorsed)
  await assert.rejects(ben.client.addOperatorKey(ann.id, added), { code: 'auth.forbidden' })
  const endorsement = await signOperatorKey(enrolled, ann.signer)
  await ann.client.addOperatorKey('me', { ...added, endorsement })
  await assert.rejects(ann.client.addOperatorKey('me', { ...added, endorsement }), {
    code: 'identity.key_taken',
  })
  const id = await holdRefund(session)
  await ann.vote(id, { vote: 'approve' })
  await client.revokeOperatorKey(ann.id, ann.signer.thumbprint)
  await ben.vote(id, { vote: 'approve' })
  assert.equal((await client.getHold(id)).state, 'pending', "the revoked key's vote is void")
  assert.equal(executed(session), 0)
})

test('facts that changed since the approval open the question again, and old votes are void', async () => {
  const agent = await enrol(ground, {
    rules: [
      holdRefunds,
      { id: 'busy', effect: 'hold', tools: ['desk/refund'], when: 'session.writes >= 1' },
    ],
    more: { approvals: [{ id: 'all', levels: [{ quorum: 2, withinSeconds: 600 }] }] },
  })
  await using session = await agent.open()
  const [ann, ben] = [await addSignatory(server), await addSignatory(server)]
  const id = await holdRefund(session)
  const first = (await ann.client.getBallot(id)).ballot
  await ann.vote(id, { vote: 'approve' })
  await session.call('write_order', { order_id: 'w' })
  await ben.vote(id, { vote: 'approve' })
  const reopened = await client.getHold(id)
  assert.equal(reopened.state, 'pending')
  assert.equal(executed(session), 1, 'only the other write')
  const { ballot, facts } = await ann.client.getBallot(id)
  assert.equal(ballot.round, 2)
  assert.notEqual(ballot.facts, first.facts)
  const rules = at(facts, 'why')
  assert(JSON.stringify(rules).includes('busy'), JSON.stringify(facts))
  const old = await signVote(first, { vote: 'approve' }, ann.signer)
  await assert.rejects(ann.client.approveHold(id, { signed: old }), { code: 'vote.mismatch' })
  await ann.vote(id, { vote: 'approve' })
  await ben.vote(id, { vote: 'approve' })
  assert.equal((await client.getHold(id)).state, 'approved')
  assert.equal(executed(session), 2)
  const { votes } = await client.listVotes(id)
  assert.deepEqual(
    votes.map((vote) => vote.round),
    [1, 1, 2, 2],
  )
})

test('edited arguments are a proposal of their own, which the editor cannot approve', async () => {
  const agent = await agentWith([policy([{ withinSeconds: 600 }])])
  await using session = await agent.open()
  const [ann, ben] = [await addPerson(server), await addPerson(server)]
  const id = await holdRefund(session, 'edited')
  const wrong = { arguments: { amount: 2 } }
  await assert.rejects(ann.client.editHold(id, wrong), { code: 'tool.arguments_invalid' })
  assert.equal((await client.getHold(id)).state, 'pending')
  const less = { order_id: 'edited', amount: 2 }
  const edited = await ann.client.editHold(id, { arguments: less, reason: 'half of it' })
  const next = edited.hold?.id ?? ''
  assert.deepEqual([edited.call.state, edited.hold?.arguments], ['held', less])
  const before = await client.getHold(id)
  assert.equal(before.state, 'rejected')
  assert.equal((await client.getCall(before.callId)).code, 'hold.replaced')
  const links = await database.query(
    `SELECT replaced_by, (SELECT replaces_hold FROM airworthy.holds WHERE hold_id = $2)
     FROM airworthy.holds WHERE hold_id = $1`,
    [id, next],
  )
  assert.deepEqual(Object.values(links.rows[0] ?? {}), [next, id])
  await assert.rejects(ann.client.approveHold(next), forbidden('author'))
  assert.equal((await ben.client.approveHold(next)).call.state, 'done')
  const calls = tools.journal.filter((call) => call.session === session.id)
  assert.deepEqual(
    calls.map((call) => at(call, 'args.amount')),
    [2],
  )
})
