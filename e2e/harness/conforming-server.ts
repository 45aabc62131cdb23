// A tool server that has everything the official conformance suite asks for, over Streamable HTTP
// with sessions (revision 2025-11-25), on the official SDK. A program: prints where it listens.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import {
  getPrompt,
  listPrompts,
  listResources,
  listTemplates,
  readResource,
} from './conforming-content.ts'
import { callTool, tools } from './conforming-tools.ts'

const sessions = new Map<string, StreamableHTTPServerTransport>()

function newServer(): Server {
  const server = new Server(
    { name: 'conforming', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        completions: {},
        logging: {},
      },
    },
  )
  const subscribed = new Set<string>()
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [...tools] }))
  server.setRequestHandler(CallToolRequestSchema, (request, extra) =>
    callTool(server, { request, extra }),
  )
  server.setRequestHandler(ListResourcesRequestSchema, listResources)
  server.setRequestHandler(ListResourceTemplatesRequestSchema, listTemplates)
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => readResource(params.uri))
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.add(params.uri)
    return {}
  })
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.delete(params.uri)
    return {}
  })
  server.setRequestHandler(ListPromptsRequestSchema, listPrompts)
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => getPrompt(params))
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => {
    const values = ['test1', 'test2'].filter((each) => each.startsWith(params.argument.value))
    return { completion: { values, total: values.length, hasMore: false } }
  })
  return server
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A page that reached this machine under another name is refused (DNS rebinding). */
function isFromHere(request: IncomingMessage): boolean {
  const { host = '', origin } = request.headers
  const isHostHere = loopback.has(new URL(`http://${host}`).hostname)
  return isHostHere && (origin === undefined || loopback.has(new URL(origin).hostname))
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isFromHere(request)) {
    response.writeHead(403).end()
    return
  }
  const id = request.headers['mcp-session-id']
  const known = typeof id === 'string' ? sessions.get(id) : undefined
  if (id !== undefined && known === undefined) {
    response.writeHead(404).end()
    return
  }
  await (known ?? (await newSession())).handleRequest(request, response)
}

async function newSession(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  })
  await newServer().connect(transport)
  return transport
}

const http = createServer((request, response) => {
  answer(request, response).catch((thrown: unknown) => {
    process.stderr.write(`${String(thrown)}\n`)
    response.destroy()
  })
})
http.listen(0, '127.0.0.1', () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = http.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${port}/mcp` })}\n`)
})
// As a server that was deployed anew: it knows none of its clients.
process.on('SIGHUP', () => sessions.clear())
process.once('SIGTERM', () => process.exit(0))
