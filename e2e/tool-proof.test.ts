// Autonomy follows proof: an undo that nobody has proved counts as none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behave, toolText } from './harness/fake-tools.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { type ManifestOptions, manifestText, reversible } from './harness/manifest.ts'
import { readEntries } from './harness/record.ts'

const ground = await standGround()
const { tools, server, upstream } = ground
const { client } = server

const proof: Json = {
  arguments: [{ order_id: 'p1' }, { order_id: 'p2', note: 'n' }],
  snapshot: { tool: 'snapshot' },
}
const provable: Json = { ...reversible, proof }
/** Only what can be undone is permitted. */
const careful: readonly Json[] = [
  { id: 'no', effect: 'deny', tools: ['desk/*'], when: "call.effect == 'irreversible'" },
]

function options(
  name: string,
  more: Partial<ManifestOptions> = {},
): Partial<ManifestOptions> & { name: string } {
  return { name, tools: { 'desk/write_order': provable }, rules: careful, ...more }
}

async function classes(agent: string): Promise<[string, string, string | undefined]> {
  const [tool] = (await client.listTools(agent)).tools
  assert(tool !== undefined)
  return [tool.effectClass, tool.effectiveClass, tool.proof?.state]
}

test('an unproved undo counts as irreversible until it is proved, and again when its contract changes', async () => {
  const agent = await enrol(ground, options('prover'))
  await using session = await agent.open()
  assert.deepEqual(await classes('prover'), ['reversible', 'irreversible', undefined])
  const denied = await session.call('write_order', { order_id: 'a' })
  assert.equal(at(denied.value, 'code'), 'policy.denied')
  const proved = await client.proveTools({ agent: 'prover' })
  assert.deepEqual(
    proved.tools.map((tool) => [tool.tool, tool.state]),
    [['desk/write_order', 'proved']],
  )
  assert.deepEqual(await classes('prover'), ['reversible', 'reversible', 'proved'])
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, false)
  const again = await client.proveTools({ agent: 'prover', onlyUnproved: true })
  assert.deepEqual([again.tools, again.alreadyProved], [[], ['desk/write_order']])
  const changed = { 'desk/write_order': { ...provable, windowSeconds: 60 } }
  await enrol(ground, options('prover', { tools: changed }))
  assert.deepEqual(await classes('prover'), ['reversible', 'irreversible', undefined])
  await enrol(ground, options('prover'))
  assert.deepEqual(await classes('prover'), ['reversible', 'reversible', 'proved'])
})

test('a try runs in sessions of its own, each sample in one, and is on record before and after', async () => {
  await enrol(ground, options('recorded', { tools: { 'desk/refund': provable } }))
  const { tools: ends } = await client.proveTools({ agent: 'recorded', tools: ['refund'] })
  const proofId = ends[0]?.proof ?? ''
  const sessions = tools.calls.filter((call) => call.session.startsWith(`prove-${proofId}`))
  assert.deepEqual(
    sessions.map((call) => [call.session.slice(-1), call.tool]),
    ['0', '1'].flatMap((sample) =>
      ['snapshot', 'refund', 'snapshot', 'undo_effect', 'snapshot'].map((tool) => [sample, tool]),
    ),
  )
  const entries = (await readEntries(ground.database)).map(({ entry }) => entry)
  const own = entries.filter((entry) => at(entry, 'body.proof') === proofId)
  assert.deepEqual(
    own.map((entry) => entry['type']),
    ['tool.proving', 'tool.proved'],
  )
})

test('a proof is lost when the tool is listed otherwise', async () => {
  const only = {
    tools: { 'desk/notify': { ...provable, proof: { ...proof, arguments: { note: 'n' } } } },
  }
  await enrol(ground, options('drifting', only))
  await client.proveTools({ agent: 'drifting' })
  assert.equal((await classes('drifting'))[1], 'reversible')
  tools.describe('notify', 'Another tool by now.')
  await assert.rejects(client.proveTools({ agent: 'drifting' }), { code: 'tool.not_provable' })
  await enrol(ground, options('drifting', only))
  assert.deepEqual(await classes('drifting'), ['reversible', 'irreversible', undefined])
})

test('an undo that leaves something behind is disproved, and takes an older proof away', async () => {
  await enrol(
    ground,
    options('liar', {
      tools: { 'desk/drop_database': { ...provable, proof: { ...proof, arguments: {} } } },
    }),
  )
  const first = await client.proveTools({ agent: 'liar' })
  assert.equal(first.tools[0]?.state, 'proved')
  tools.directAll('undo_effect', (call) => {
    const key = String(call.args['key'])
    return key.includes('drop_database') ? toolText({ undone: 1 }) : behave(tools.journal, call)
  })
  const second = await client.proveTools({ agent: 'liar' })
  tools.directAll('undo_effect', undefined)
  assert.deepEqual(
    second.tools.map((tool) => [tool.state, tool.reason]),
    [['disproved', 'the world is not as it was before the call']],
  )
  assert.deepEqual(await classes('liar'), ['reversible', 'irreversible', 'disproved'])
})

test('a snapshot that does not see the change proves nothing', async () => {
  const blind = {
    ...provable,
    proof: { ...proof, snapshot: { tool: 'find_customer', arguments: { email: 'e' } } },
  }
  tools.directAll('find_customer', () => toolText('always the same'))
  const manifest = manifestText({
    ...options('blind', { tools: { 'desk/write_order': blind } }),
    modelBaseUrl: upstream.base('echo', 'blind'),
    toolsUrl: tools.url,
  })
  // A manifest that is not enrolled can be tried too.
  const { tools: ends } = await client.proveTools({ manifest, file: 'agent.json' })
  tools.directAll('find_customer', undefined)
  assert.deepEqual(
    ends.map((tool) => [tool.state, tool.reason]),
    [['disproved', 'the snapshot does not show what the tool changed']],
  )
})

test('a pact may take the word of its contracts', async () => {
  const agent = await enrol(ground, options('trusting', { pact: { unproven: 'declared' } }))
  await using session = await agent.open()
  const contract = { ...provable, windowSeconds: 7 }
  await enrol(
    ground,
    options('trusting', {
      pact: { unproven: 'declared' },
      tools: { 'desk/write_order': contract },
    }),
  )
  assert.deepEqual(await classes('trusting'), ['reversible', 'reversible', undefined])
  assert.equal((await session.call('write_order', { order_id: 'a' })).isError, false)
})

test('what cannot be tried is refused by name', async () => {
  await enrol(
    ground,
    options('plain', {
      tools: { 'desk/write_order': reversible, 'desk/get_order': { effect: 'read' } },
      rules: [],
    }),
  )
  for (const name of ['write_order', 'desk/get_order', 'nothing']) {
    await assert.rejects(client.proveTools({ agent: 'plain', tools: [name] }), {
      code: 'tool.not_provable',
    })
  }
  const { tools: ends, unprovable } = await client.proveTools({ agent: 'plain' })
  assert.deepEqual([ends, unprovable], [[], ['desk/write_order']])
})
