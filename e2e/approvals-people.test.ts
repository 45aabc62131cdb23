// One person who is several operators; edits that must not lose the question; several gateways that
// decide, expire, cancel and execute the same holds at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { behave } from './harness/fake-tools.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { reversible } from './harness/manifest.ts'
import { addPerson, type Person } from './harness/operators.ts'
import { readEntries } from './harness/record.ts'
import { startReplica } from './harness/replica.ts'
import { createGate, until } from './harness/until.ts'

const ground = await standGround()
const { tools, server, database } = ground
const { client } = server

const holdRefunds: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }

function executed(session: TestSession): number {
  return tools.journal.filter((call) => call.session === session.id).length
}

async function holdRefund(session: TestSession, orderId: string): Promise<string> {
  const held = await session.call('refund', { order_id: orderId, amount: 5 })
  assert.equal(at(held.value, 'held'), true, JSON.stringify(held.value))
  return String(at(held.value, 'id'))
}

const agentWith = (approvals: readonly Json[], more: Json = {}) =>
  enrol(ground, { rules: [holdRefunds], more: { approvals, ...more } })

const forbidden = (why: string) => (error: unknown) =>
  at(error, 'code') === 'vote.forbidden' && at(error, 'detail.why') === why

let puppetsMade = 0

/** An operator whom somebody who is no admin has added, and whose key they therefore have. */
async function addPuppet(of: Person, name?: string): Promise<Person> {
  puppetsMade += 1
  const puppet = name ?? `puppet-${puppetsMade}`
  const { operator, key } = await of.client.addOperator({ name: puppet, role: 'operator' })
  const own = createClient({ baseUrl: server.url, key })
  return { id: operator.id, name: puppet, client: own, apiKey: key }
}

test('whoever an operator has added is no second voter, by whatever chain', async () => {
  const agent = await agentWith([{ id: 'two', levels: [{ quorum: 2, withinSeconds: 600 }] }])
  await using session = await agent.open()
  const one = await addPerson(server, { role: 'operator' })
  const puppet = await addPuppet(one)
  const next = await addPuppet(puppet)
  const id = await holdRefund(session, 'a')
  await puppet.client.approveHold(id)
  await assert.rejects(one.client.approveHold(id), { code: 'vote.cast' })
  await assert.rejects(next.client.approveHold(id), { code: 'vote.cast' })
  assert.equal((await client.getHold(id)).state, 'pending')
  assert.equal(executed(session), 0)
  const other = await addPerson(server, { role: 'operator' })
  assert.equal((await other.client.approveHold(id)).call.state, 'done')
})

test('the author does not vote as somebody whom they have added, nor do teams get round', async () => {
  const policy = { id: 'one', levels: [{ withinSeconds: 600 }], excludeOwnTeam: true }
  const agent = await agentWith([policy])
  const one = await addPerson(server, { role: 'operator' })
  const puppet = await addPuppet(one)
  const { session: opened } = await one.client.openSession({ agent: agent.name })
  await using session = await agent.open()
  await database.query(
    `UPDATE airworthy.sessions SET opened_by = (SELECT opened_by FROM airworthy.sessions
      WHERE session_id = $2) WHERE session_id = $1`,
    [session.id, opened.id],
  )
  const id = await holdRefund(session, 'a')
  await assert.rejects(puppet.client.approveHold(id), forbidden('author'))
  const edited = await puppet.client
    .editHold(id, { arguments: { order_id: 'a', amount: 2 } })
    .catch((thrown: unknown) => thrown)
  assert.equal(at(edited, 'code'), 'vote.forbidden')
  const mate = await addPerson(server, { role: 'operator', teams: ['tests@example.com'] })
  const mateToo = await addPuppet(mate)
  await assert.rejects(mateToo.client.approveHold(id), forbidden('own_team'))
  const editor = await addPerson(server, { role: 'operator' })
  const args = { order_id: 'a', amount: 3 }
  const next = (await editor.client.editHold(id, { arguments: args })).hold?.id ?? ''
  const editorToo = await addPuppet(editor)
  await assert.rejects(editorToo.client.approveHold(next), forbidden('author'))
  assert.equal(executed(session), 0)
  await client.closeSession(opened.id)
})

test('a name that a policy asks is nobody whom an operator has added under it', async () => {
  const levels = [{ approvers: { operators: ['cfo'] }, withinSeconds: 600 }]
  const agent = await agentWith([{ id: 'cfo', levels }])
  await using session = await agent.open()
  const one = await addPerson(server, { role: 'operator' })
  const id = await holdRefund(session, 'a')
  const squatter = await addPuppet(one, 'cfo')
  await assert.rejects(squatter.client.approveHold(id), forbidden('not_asked'))
  await client.revokeOperator(squatter.id)
  const cfo = await addPerson(server, { name: 'cfo' })
  assert.equal((await cfo.client.approveHold(id)).call.state, 'done')
})

test('whoever an operator has added confirms nothing of theirs; who added whom is on record', async () => {
  const one = await addPerson(server, { role: 'operator' })
  const puppet = await addPuppet(one)
  const next = await addPuppet(puppet)
  const agent = await agentWith([])
  const kill = await client.kill({ scope: 'agent', target: agent.name, reason: 'a test' })
  const proposal = await puppet.client.resumeKill(kill.id, { reason: 'again' })
  for (const each of [one, puppet, next]) {
    await assert.rejects(each.client.confirmProposal(proposal.id), { code: 'proposal.same_person' })
  }
  const other = await addPerson(server, { role: 'operator' })
  assert.equal((await other.client.confirmProposal(proposal.id)).state, 'confirmed')
  const more = await client.kill({ scope: 'agent', target: agent.name, reason: 'a test' })
  const gone = await puppet.client.resumeKill(more.id, { reason: 'again' })
  await client.revokeOperator(puppet.id)
  await assert.rejects(other.client.confirmProposal(gone.id), { code: 'proposal.settled' })
  const { operators } = await client.listOperators()
  const shown = operators.find((each) => each.id === next.id)
  assert.deepEqual([shown?.addedBy, shown?.person], [puppet.id, one.id])
  const entry = (await readEntries(database)).find(
    ({ entry: each }) => at(each, 'body.operator') === next.id,
  )?.entry
  assert.deepEqual([entry?.['type'], at(entry, 'body.by')], ['key.issued', puppet.id])
})

test('who revokes an objector does not revoke the objection', async () => {
  const agent = await agentWith([{ id: 'two', levels: [{ quorum: 2, withinSeconds: 600 }] }])
  await using session = await agent.open()
  const one = await addPerson(server, { role: 'operator' })
  const [ann, ben] = [
    await addPerson(server, { role: 'operator' }),
    await addPerson(server, { role: 'operator' }),
  ]
  const id = await holdRefund(session, 'a')
  await ann.client.rejectHold(id)
  await one.client.revokeOperator(ann.id)
  assert.equal((await ben.client.rejectHold(id)).hold.state, 'rejected')
})

test('an edit that is denied leaves the question as it was', async () => {
  const cap: Json = { id: 'cap', effect: 'deny', tools: ['desk/refund'], when: 'args.amount > 50' }
  const agent = await enrol(ground, { rules: [holdRefunds, cap] })
  await using session = await agent.open()
  const [ann, ben] = [await addPerson(server), await addPerson(server)]
  const id = await holdRefund(session, 'a')
  const more = { arguments: { order_id: 'a', amount: 60 } }
  const refused = await ann.client.editHold(id, more)
  assert.deepEqual([refused.call.state, refused.hold], ['denied', null])
  assert.equal((await client.getHold(id)).state, 'pending')
  assert.equal(
    (await session.detail()).session.facts.denied,
    0,
    'it is not the agent that was refused',
  )
  assert.equal((await ben.client.approveHold(id)).call.state, 'done')
})

test('an edit of a step does not take its run back', async () => {
  const agent = await enrol(ground, {
    rules: [holdRefunds],
    runs: { onDenied: 'compensate' },
  })
  await using session = await agent.open()
  await session.call('write_order', { order_id: 'a' }, { 'airworthy/run': 'trip' })
  const held = await session.call(
    'refund',
    { order_id: 'a', amount: 5 },
    { 'airworthy/run': 'trip' },
  )
  const [ann, ben] = [await addPerson(server), await addPerson(server)]
  const id = String(at(held.value, 'id'))
  const less = { arguments: { order_id: 'a', amount: 2 } }
  const edited = await ann.client.editHold(id, less)
  assert.equal(edited.call.state, 'held')
  assert.equal((await ben.client.approveHold(edited.hold?.id ?? '')).call.state, 'done')
  const { runs } = await client.listRuns({ session: session.id })
  assert.deepEqual(
    runs.map((run) => run.state),
    ['open'],
  )
})

test('of many who edit one question at once, one does; a closed session loses none', async () => {
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const people = await Promise.all([1, 2, 3, 4].map(() => addPerson(server)))
  const id = await holdRefund(session, 'a')
  const edits = await Promise.allSettled(
    people.map((each, amount) =>
      each.client.editHold(id, { arguments: { order_id: 'a', amount: amount + 1 } }),
    ),
  )
  const made = edits.flatMap((each) => (each.status === 'fulfilled' ? [each.value.hold?.id] : []))
  assert.equal(made.length, 1)
  for (const each of edits) {
    if (each.status === 'rejected') assert.equal(at(each.reason, 'code'), 'hold.settled')
  }
  const waiting = await database.query(
    `SELECT hold_id FROM airworthy.holds WHERE session_id = $1 AND state = 'pending'`,
    [session.id],
  )
  assert.deepEqual(
    waiting.rows.map((row) => row['hold_id']),
    made,
  )
})

test('an approved call that waits for another is executed once, whoever tries it', async () => {
  await using owner = new AsyncDisposableStack()
  await startReplica(ground, owner)
  const touching = { ...reversible, touches: ['{{args.order_id}}'] }
  const agent = await enrol(ground, {
    rules: [holdRefunds],
    tools: { 'desk/write_order': touching, 'desk/refund': touching },
  })
  await using session = await agent.open()
  const gate = createGate()
  tools.direct(session.id, 'write_order', async (call) => {
    await gate.passed
    return behave(tools.journal, call)
  })
  const first = session.call('write_order', { order_id: 'once' })
  await until('the first call', () => tools.calls.some((call) => call.session === session.id))
  const id = await holdRefund(session, 'once')
  const vote = (await addPerson(server)).client.approveHold(id)
  await until('the vote', async () => (await client.getHold(id)).state === 'approving')
  // The job of both gateways takes it up as well: it looks every five seconds.
  await database.query(
    `UPDATE airworthy.holds SET decided_at = decided_at - interval '1 minute' WHERE hold_id = $1`,
    [id],
  )
  await new Promise((resolve) => setTimeout(resolve, 6_000))
  gate.open()
  await first
  // Whoever was quicker, the vote counts.
  assert.equal((await vote).hold.state, 'approved')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  assert.equal(
    tools.calls.filter((call) => call.tool === 'refund' && call.session === session.id).length,
    1,
  )
})

test('a vote without a signature answers the question that its voter has seen', async () => {
  const busy: Json = {
    id: 'busy',
    effect: 'hold',
    tools: ['desk/refund'],
    when: 'session.writes >= 1',
  }
  const agent = await enrol(ground, { rules: [holdRefunds, busy] })
  await using session = await agent.open()
  const [ann, ben] = [await addPerson(server), await addPerson(server)]
  const id = await holdRefund(session, 'seen')
  await session.call('write_order', { order_id: 'w' })
  await ann.client.approveHold(id)
  const again = await client.getHold(id)
  assert.deepEqual([again.state, again.question.round], ['pending', 2])
  // It was looked at before it was opened again.
  await assert.rejects(ben.client.approveHold(id), { code: 'vote.mismatch' })
  await assert.rejects(ben.client.approveHold(id, { round: 1 }), { code: 'vote.mismatch' })
  assert.equal(executed(session), 1)
  const ballotBox = await client.listVotes(id)
  assert.equal(ballotBox.votes.length, 1)
  assert.equal((await ben.client.approveHold(id, { round: 2 })).call.state, 'done')
})

test('a hold shows who is asked, how far the votes are, and where an edit went', async () => {
  const levels = [{ approvers: { roles: ['approver'] }, quorum: 2, withinSeconds: 600 }]
  const agent = await agentWith([{ id: 'two', levels, onExpiry: 'escalate' }])
  await using session = await agent.open()
  const [ann, ben] = [await addPerson(server), await addPerson(server)]
  const id = await holdRefund(session, 'shown')
  await ann.client.approveHold(id)
  const { question } = await client.getHold(id)
  assert.deepEqual(
    [question.level, question.levels, question.quorum, question.votesSoFar],
    [1, 2, 2, { approve: 1, reject: 0 }],
  )
  assert.match(question.onExpiry, /level 2 of 2 is asked/)
  const args = { order_id: 'shown', amount: 1 }
  const edited = await ben.client.editHold(id, { arguments: args })
  const next = edited.hold?.id ?? ''
  assert.equal((await client.getHold(id)).replacedBy, next)
  assert.equal((await client.getHold(next)).replaces, id)
})

test('whatever meets at two gateways, each hold ends once and its call is made once at most', async () => {
  await using owner = new AsyncDisposableStack()
  const other = await startReplica(ground, owner)
  const levels = [
    { quorum: 2, withinSeconds: 300 },
    { quorum: 2, withinSeconds: 300 },
  ]
  const busy: Json = {
    id: 'busy',
    effect: 'hold',
    tools: ['desk/refund'],
    when: 'session.writes >= 1',
  }
  const agent = await enrol(ground, {
    rules: [holdRefunds, busy],
    more: { approvals: [{ id: 'two', levels }] },
  })
  const people = await Promise.all(Array.from({ length: 4 }, () => addPerson(server)))
  const at2 = people.map(({ apiKey }) => createClient({ baseUrl: other.url, key: apiKey }))
  const expire = (id: string) =>
    database.query(
      `UPDATE airworthy.holds SET expires_at = clock_timestamp(), level_until = clock_timestamp()
       WHERE hold_id = $1 AND state = 'pending'`,
      [id],
    )
  const escalate = (id: string) =>
    database.query(
      `UPDATE airworthy.holds SET level_until = clock_timestamp()
       WHERE hold_id = $1 AND state = 'pending'`,
      [id],
    )
  const [ann, ben, cleo, dora] = people.map((person) => person.client)
  const [, ben2, , dora2] = at2
  assert(ann && ben && cleo && dora && ben2 && dora2)
  const edit = { arguments: { order_id: 'storm', amount: 1 } }
  const meets: ((id: string, session: TestSession) => readonly Promise<unknown>[])[] = [
    (id) => [ann.approveHold(id), ben2.approveHold(id), dora2.rejectHold(id), cleo.rejectHold(id)],
    (id) => [ann.approveHold(id), ben2.approveHold(id), expire(id)],
    (id) => [ann.approveHold(id), escalate(id), ben2.approveHold(id), expire(id)],
    (id) => [ann.approveHold(id), ben2.editHold(id, edit), dora2.approveHold(id)],
    (id, { id: session }) => [
      ann.approveHold(id),
      ben2.approveHold(id),
      other.client.closeSession(session),
    ],
    (id, { id: target }) => [
      ann.approveHold(id),
      ben2.approveHold(id),
      other.client.kill({ scope: 'session', target, reason: 'a storm' }),
    ],
    (id, { id: session }) => [
      ann.approveHold(id),
      ben2.approveHold(id),
      other.client.handOverSession(session, { reason: 'a storm' }),
    ],
    (id, session) => [
      ann.approveHold(id),
      session.call('write_order', { order_id: 'w' }),
      ben2.approveHold(id),
      expire(id),
    ],
    (id, { id: target }) => [
      ann.editHold(id, edit),
      other.client.kill({ scope: 'session', target, reason: 'a storm' }),
      expire(id),
    ],
  ]
  const storms = Array.from({ length: 4 }).flatMap(() => meets)
  const sessions: TestSession[] = []
  const holds: string[] = []
  for (const meet of storms) {
    const session = owner.use(await agent.open())
    sessions.push(session)
    const id = await holdRefund(session, 'storm')
    holds.push(id)
    const ends = await Promise.allSettled(meet(id, session))
    const defects = ends.flatMap((end) =>
      end.status === 'rejected' && (Number(at(end.reason, 'status')) || 500) >= 500
        ? [String(end.reason)]
        : [],
    )
    assert.deepEqual(defects, [])
  }
  await until('no call to be under way', async () => {
    const open = await database.query(
      `SELECT FROM airworthy.calls WHERE agent_id = (SELECT agent_id FROM airworthy.agents
        WHERE name = $1) AND state IN ('executing', 'unknown')`,
      [agent.name],
    )
    return open.rowCount === 0
  })
  for (const [index, session] of sessions.entries()) {
    const { rows } = await database.query<{ state: string; call: string }>(
      `SELECT h.state, c.state AS call
        FROM airworthy.holds h JOIN airworthy.calls c USING (organisation_id, call_id)
        WHERE h.session_id = $1 ORDER BY h.hold_id`,
      [session.id],
    )
    const refunds = tools.calls.filter(
      (call) => call.session === session.id && call.tool === 'refund',
    ).length
    const done = rows.filter((row) => row.call === 'done').length
    assert.equal(refunds, done, `storm ${index}: ${JSON.stringify(rows)}`)
    assert(refunds <= 1, `storm ${index}: ${JSON.stringify(rows)}`)
    for (const { state, call } of rows) {
      const fits = {
        pending: ['held'],
        approving: ['held'],
        approved: ['done'],
        rejected: ['denied'],
        expired: ['denied'],
        refused: ['denied'],
        cancelled: ['denied'],
      }[state]
      assert(fits?.includes(call), `storm ${index}: ${state}, ${call}`)
    }
  }
  const ends = (await readEntries(database)).flatMap(({ entry }) => {
    const isEnd = ['hold.approved', 'hold.rejected', 'hold.expired'].includes(String(entry['type']))
    const hold = String(at(entry, 'body.hold'))
    return isEnd && holds.includes(hold) ? [`${hold} ${String(at(entry, 'body.round'))}`] : []
  })
  assert.equal(new Set(ends).size, ends.length, 'a round has one end')
})

test('a pact that asks fewer people does not make a question that was opened again easier', async () => {
  const approvals: Json[] = [{ id: 'two', levels: [{ quorum: 2, withinSeconds: 600 }] }]
  const agent = await agentWith(approvals)
  await using session = await agent.open()
  const [ann, ben] = [await addPerson(server), await addPerson(server)]
  const one = await addPerson(server, { role: 'operator' })
  const id = await holdRefund(session, 'weaker')
  // Whoever runs agents may change a pact, alone.
  await enrol(
    { ...ground, server: { ...server, client: one.client } },
    { name: agent.name, rules: [] },
  )
  await ann.client.approveHold(id)
  await ben.client.approveHold(id)
  const { state, question } = await client.getHold(id)
  assert.deepEqual([state, question.round, question.quorum], ['pending', 2, 2])
  await one.client.approveHold(id, { round: 2 })
  assert.equal(executed(session), 0)
  assert.equal((await ann.client.approveHold(id, { round: 2 })).call.state, 'done')
})
