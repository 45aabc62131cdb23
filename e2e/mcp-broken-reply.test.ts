// A reply of a tool server over HTTP that breaks off: only the call that it answers is lost.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { enrol, standGround } from './harness/ground.ts'
import { at } from './harness/json.ts'

const ground = await standGround()
const inputSchema = { type: 'object' as const }

/** `wait` answers when it is released, `cut` breaks its reply off, `now` answers at once. */
async function startTools() {
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const mcp = new Server({ name: 'breaking', version: '0' }, { capabilities: { tools: {} } })
    mcp.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: ['wait', 'cut', 'now'].map((name) => ({ name, inputSchema })),
    }))
    mcp.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
      if (params.name === 'wait') {
        arrived.resolve()
        await released.promise
      }
      if (params.name === 'cut') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
        response.write('{"jsonrpc"')
        setImmediate(() => response.destroy())
      }
      return { content: [{ type: 'text', text: params.name }] }
    })
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
    await mcp.connect(transport)
    await transport.handleRequest(request, response)
  }
  const server = createServer((request, response) => {
    if (request.method === 'POST') void answer(request, response).catch(() => response.destroy())
    else response.writeHead(405).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    arrived: arrived.promise,
    release: () => released.resolve(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a reply that breaks off ends its own call, and none that is under way beside it', async () => {
  await using tools = await startTools()
  const agent = await enrol(ground, {
    toolServers: { breaking: { transport: 'http', url: tools.url, timeoutMs: 20_000 } },
    tools: {
      'breaking/wait': { effect: 'irreversible' },
      'breaking/cut': { effect: 'irreversible' },
      'breaking/now': { effect: 'read' },
    },
    permissions: [{ id: 'tools', effect: 'allow', tools: ['breaking/*'] }],
  })
  await using one = await agent.open({}, 'breaking')
  await using other = await agent.open({}, 'breaking')
  const waiting = one.call('wait')
  await tools.arrived
  const cut = await other.call('cut')
  assert.deepEqual([cut.isError, at(cut.value, 'code')], [true, 'effect.unknown'])
  assert.deepEqual((await other.call('now')).value, 'now')
  tools.release()
  const answered = await waiting
  assert.deepEqual([answered.isError, answered.value], [false, 'wait'])
})
