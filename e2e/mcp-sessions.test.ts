// A tool server of revision 2025-11-25 that keeps sessions, sends log messages during a call, and
// would like to ask the agent's model and user.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { enrol, standGround } from './harness/ground.ts'
import { textAt } from './harness/json.ts'

const ground = await standGround()

const program = join(import.meta.dirname, 'harness', 'conforming-server.ts')
const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
after(() => child.kill('SIGTERM'))
const [line] = await once(createInterface({ input: child.stdout }), 'line')
const ready: unknown = JSON.parse(String(line))

const names = ['test_simple_text', 'test_tool_with_logging', 'test_sampling', 'test_elicitation']

async function open() {
  const agent = await enrol(ground, {
    toolServers: {
      desk: { transport: 'http', url: textAt(ready, 'listening'), timeoutMs: 20_000 },
    },
    tools: Object.fromEntries(names.map((name) => [`desk/${name}`, { effect: 'irreversible' }])),
    permissions: [{ id: 'tools', effect: 'allow', tools: ['desk/*'] }],
  })
  const session = await agent.open()
  const url = `${ground.server.url}/s/${session.sessionKey}/mcp/desk`
  return { session, url, apiKey: agent.apiKey }
}

test('a server that has forgotten its session is asked again on a new one, and runs the call once', async () => {
  const { session } = await open()
  await using closing = session
  assert.equal((await closing.call('test_simple_text', { number: 1 })).isError, false)
  child.kill('SIGHUP')
  assert.equal((await closing.call('test_simple_text', { number: 2 })).isError, false)
  const { effects } = await closing.detail()
  assert.deepEqual(
    effects.map((effect) => effect.state),
    ['done', 'done'],
  )
})

test('what a server logs during a call reaches the agent that made it, at its level', async () => {
  const { url, apiKey } = await open()
  const logged: unknown[] = []
  const client = new Client({ name: 'e2e', version: '0' })
  const requestInit = { headers: { authorization: `Bearer ${apiKey}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    logged.push(params.data)
  })
  await client.setLoggingLevel('info')
  await client.callTool({ name: 'test_tool_with_logging', arguments: {} })
  const steps = ['Tool execution started', 'Tool processing data', 'Tool execution completed']
  assert.deepEqual(logged, steps)
  await client.setLoggingLevel('error')
  await client.callTool({ name: 'test_tool_with_logging', arguments: { again: true } })
  assert.deepEqual(logged, steps)
  await client.close()
})

test('a server cannot ask the model or the user of an agent', async () => {
  const { session } = await open()
  await using closing = session
  const sampling = await closing.call('test_sampling', { prompt: 'Who are you?' })
  assert.deepEqual([sampling.isError, sampling.value], [true, 'the client has no sampling'])
  const elicitation = await closing.call('test_elicitation', { message: 'Your name?' })
  assert.deepEqual(
    [elicitation.isError, elicitation.value],
    [true, 'the client has no elicitation'],
  )
})
