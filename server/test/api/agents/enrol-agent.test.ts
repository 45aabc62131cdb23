import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AirworthyApiError } from '@airworthy/sdk'
import { AirworthyError } from '../../../src/core/errors.ts'
import { hashKey } from '../../../src/core/identity/key.ts'
import {
  type ApiServer,
  ask,
  enrolDesk,
  fieldOf,
  manifestText,
  shopTools,
  startApi,
} from '../api-server.ts'

let api: ApiServer
let tools = shopTools
let isServerDown = false

before(async () => {
  api = await startApi(() => ({
    tools: {
      list: async () => {
        if (!isServerDown) return tools
        throw new AirworthyError('manifest.tool_server_unreachable', 'shop does not answer')
      },
    },
  }))
})
after(() => api[Symbol.asyncDispose]())

const wrong = (text: string) =>
  named('wrong')(text).replace('stakes: medium', 'stakes: huge').replace('calls: 50', 'calls: x')
const lost = (text: string) => named('lost')(text).replace('["shop/*"]', '["shop/fly"]')
const named = (name: string) => (text: string) => text.replace('name: desk,', `name: ${name},`)

test('enrols an agent, and shows its API key once, stored as a hash', async () => {
  const enrolled = await enrolDesk(api, named('first'))
  assert.deepEqual(enrolled.created, { agent: true, version: true, pact: true })
  assert.match(enrolled.apiKey ?? '', /^awk_[\w-]{43}$/)
  assert.equal(enrolled.agent.version.number, 1)
  const rows = await api.db.selectFrom('airworthy.api_keys').selectAll().execute()
  const row = rows.find((each) => each.agent_id === enrolled.agent.id)
  assert.ok(row?.key_hash.equals(hashKey(enrolled.apiKey ?? '')))
  assert.ok(!JSON.stringify(rows).includes((enrolled.apiKey ?? '').slice(12)))
})

test('changes nothing when the same manifest is enrolled again, however it is written', async () => {
  await enrolDesk(api, named('again'))
  const size = (await api.client.getLog()).size
  const again = await enrolDesk(api, (text) => `# a comment\n${named('again')(text)}\n\n`)
  assert.deepEqual(again.created, { agent: false, version: false, pact: false })
  assert.equal(again.apiKey, null)
  assert.equal((await api.client.getLog()).size, size)
})

test('makes a new version of a changed prompt, and takes an earlier one up again', async () => {
  const first = await enrolDesk(api, named('prompted'))
  const changed = await enrolDesk(api, (text) =>
    named('prompted')(text).replace('You help', 'You serve'),
  )
  assert.equal(changed.created.version, true)
  assert.equal(changed.agent.version.number, 2)
  assert.equal(changed.agent.pact.hash, first.agent.pact.hash)
  const back = await enrolDesk(api, named('prompted'))
  assert.equal(back.created.version, false)
  assert.equal(back.agent.version.id, first.agent.version.id)
})

test('makes a new version when a tool server lists another tool', async () => {
  const first = await enrolDesk(api, named('tooled'))
  tools = { ...shopTools, 'shop/new': { description: '', inputSchema: { type: 'object' } } }
  const changed = await enrolDesk(api, named('tooled'))
  tools = shopTools
  assert.equal(changed.created.version, true)
  assert.notEqual(changed.agent.version.components.tools, first.agent.version.components.tools)
})

test('makes a new pact, and no new version, of a changed rule', async () => {
  const first = await enrolDesk(api, named('ruled'))
  const changed = await enrolDesk(api, (text) =>
    named('ruled')(text).replace('tools: ["shop/*"]', 'tools: ["shop/get_*"]'),
  )
  assert.deepEqual(changed.created, { agent: false, version: false, pact: true })
  assert.equal(changed.agent.version.id, first.agent.version.id)
  assert.notEqual(changed.agent.pact.hash, first.agent.pact.hash)
})

test('issues one more key when it is asked for', async () => {
  await enrolDesk(api, named('keyed'))
  const again = await api.client.enrolAgent({
    manifest: manifestText(named('keyed')),
    file: 'agent.yaml',
    newKey: true,
  })
  assert.match(again.apiKey ?? '', /^awk_/)
  assert.equal((await api.client.getAgent('keyed')).keys.length, 2)
})

test('refuses a wrong manifest whole, with every problem and its place', async () => {
  const answer = await ask(api, {
    path: '/v1/agents',
    body: { manifest: manifestText(wrong), file: 'agent.yaml' },
  })
  assert.equal(answer.status, 422)
  assert.equal(answer.code, 'manifest.invalid')
  const problems = fieldOf(fieldOf(fieldOf(answer.body, 'error'), 'detail'), 'problems')
  assert.ok(Array.isArray(problems))
  assert.deepEqual(
    problems.map((each: unknown) => [
      fieldOf(each, 'file'),
      fieldOf(each, 'line'),
      fieldOf(each, 'path'),
    ]),
    [
      ['agent.yaml', 2, 'agent.stakes'],
      ['agent.yaml', 17, 'limits.session.calls'],
    ],
  )
  await assert.rejects(api.client.getAgent('wrong'), { code: 'agent.unknown' })
})

test('refuses a rule that names an unknown tool, with its place', async () => {
  await assert.rejects(enrolDesk(api, lost), (thrown) => {
    assert.ok(thrown instanceof AirworthyApiError)
    assert.equal(thrown.code, 'manifest.invalid')
    assert.match(JSON.stringify(thrown.detail), /pact\.permissions\[1\]\.tools/)
    return true
  })
})

test("refuses an agent's limit below what is used, and keeps the old one", async () => {
  const { agent } = await enrolDesk(api, named('spent'))
  await api.db
    .updateTable('airworthy.ledgers')
    .set({ settled: '{20,0,0}', reserved: '{5,0,0}' })
    .where('scope_id', '=', agent.id)
    .execute()
  const lower = (limit: number) => (text: string) =>
    named('spent')(text).replace('calls: 1000', `calls: ${limit}`)
  await assert.rejects(enrolDesk(api, lower(24)), { code: 'manifest.invalid', status: 422 })
  assert.equal((await api.client.getAgent('spent')).budgets[0]?.limit, '1000')
  await enrolDesk(api, lower(25))
  assert.equal((await api.client.getAgent('spent')).budgets[0]?.limit, '25')
})

test('keeps what was counted when a limit is taken away and comes back', async () => {
  const { agent } = await enrolDesk(api, named('freed'))
  await api.db
    .updateTable('airworthy.ledgers')
    .set({ settled: '{7,0,0}' })
    .where('scope_id', '=', agent.id)
    .execute()
  await enrolDesk(api, (text) =>
    named('freed')(text).replace('agent: { calls: 1000 }', 'agent: {}'),
  )
  assert.deepEqual((await api.client.getAgent(agent.id)).budgets, [])
  await enrolDesk(api, named('freed'))
  assert.equal((await api.client.getAgent(agent.id)).budgets[0]?.settled, '7')
})

test('says which tool server does not answer', async () => {
  isServerDown = true
  const refused = assert.rejects(enrolDesk(api, named('down')), {
    code: 'manifest.tool_server_unreachable',
    status: 422,
  })
  await refused.finally(() => {
    isServerDown = false
  })
})

test('enrols one agent when two ask at once', async () => {
  const both = await Promise.all([enrolDesk(api, named('twice')), enrolDesk(api, named('twice'))])
  assert.equal(new Set(both.map((each) => each.agent.id)).size, 1)
  assert.equal(both.filter((each) => each.apiKey !== null).length, 1)
})

test('refuses a body that is not as it should be', async () => {
  const path = '/v1/agents'
  assert.equal((await ask(api, { path, body: { manifest: 1, file: 'a' } })).code, 'request.invalid')
  assert.equal((await ask(api, { path, body: { manifest: 'a', file: 'a', x: 1 } })).status, 400)
  const nul = { manifest: 'a\u0000b', file: 'a' }
  assert.equal((await ask(api, { path, body: nul })).code, 'request.invalid')
})
