// A tool server whose writes are not idempotent: each execution is a line of its journal and has a
// result of its own. It deduplicates nothing: that is what the gateway is tested for.
// node counter-server.ts <journal file>; prints {"listening": <MCP URL>} when it is ready.
import { randomUUID } from 'node:crypto'
import { openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'

const [journalFile = ''] = process.argv.slice(2)
const journal = openSync(journalFile, 'a')

const inputSchema = {
  type: 'object' as const,
  properties: { name: { type: 'string' } },
  required: ['name'],
}

function count(name: unknown, key: unknown): CallToolResult {
  const token = randomUUID()
  writeSync(journal, `${JSON.stringify({ name, key, token })}\n`)
  return { content: [{ type: 'text', text: JSON.stringify({ name, token }) }] }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const mcp = new Server({ name: 'counter', version: '0' }, { capabilities: { tools: {} } })
  mcp.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'count', description: 'Counts once more.', inputSchema }],
  }))
  mcp.setRequestHandler(CallToolRequestSchema, ({ params }) =>
    count(params.arguments?.['name'], params._meta?.['airworthy/effect-key']),
  )
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  response.on('close', () => void mcp.close())
  await mcp.connect(transport)
  await transport.handleRequest(request, response)
}

const server = createServer((request, response) => {
  if (request.method === 'POST') void answer(request, response).catch(() => response.destroy())
  else response.writeHead(405).end()
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${port}/mcp` })}\n`)
})
process.on('SIGTERM', () => process.exit(0))
