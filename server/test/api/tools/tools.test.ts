import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ApiServer, ask, enrolDesk, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
  await enrolDesk(api)
})
after(() => api[Symbol.asyncDispose]())

test('lists what each tool does, and that nothing is proved', async () => {
  const { agent, tools } = await api.client.listTools('desk')
  assert.equal(agent, 'desk')
  assert.deepEqual(tools, [
    {
      name: 'shop/get_order',
      effectClass: 'read',
      effectiveClass: 'read',
      undo: null,
      isProvable: false,
      proof: null,
    },
    {
      name: 'shop/cancel_order',
      effectClass: 'irreversible',
      effectiveClass: 'irreversible',
      undo: null,
      isProvable: false,
      proof: null,
    },
  ])
})

test('does not know the tools of an agent that never was', async () => {
  await assert.rejects(api.client.listTools('nobody'), { code: 'agent.unknown' })
})

test('proves the tools of one agent or of one manifest, not of both and not of none', async () => {
  for (const body of [{}, { agent: 'desk', manifest: 'x' }]) {
    const { code } = await ask(api, { path: '/v1/proofs', body })
    assert.equal(code, 'request.invalid')
  }
  await assert.rejects(api.client.proveTools({ agent: 'nobody' }), { code: 'agent.unknown' })
  await assert.rejects(api.client.proveTools({ manifest: 'agent: 5' }), {
    code: 'manifest.invalid',
  })
})

test('refuses to prove what has no undo, or what no contract is about', async () => {
  for (const tool of ['cancel_order', 'shop/get_order', 'shop/nothing']) {
    const proving = api.client.proveTools({ agent: 'desk', tools: [tool] })
    await assert.rejects(proving, { code: 'tool.not_provable' })
  }
})
