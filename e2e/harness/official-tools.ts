// Tools, a resource and a prompt on the official SDK 2.4, which speaks revision 2026-07-28 and, where
// it is asked to, 2025-11-25. A test looks at what happened, and changes what is listed.
import { setTimeout as sleep } from 'node:timers/promises'
import { ProtocolError, Server, type ServerContext, type Tool } from '@modelcontextprotocol/server'

export type OfficialState = {
  /** Names of calls that the server was told to stop. */
  readonly cancelled: string[]
  readonly called: string[]
  /** What `echo` is said to do. */
  description: string
  note: string
  moreTools: number
  /** Whether it refuses to list its tools. */
  listsNothing: boolean
}

export function newState(): OfficialState {
  return {
    cancelled: [],
    called: [],
    description: 'Gives it back.',
    note: 'first',
    moreTools: 0,
    listsNothing: false,
  }
}

const textInput = {
  type: 'object' as const,
  properties: { text: { type: 'string' } },
  required: ['text'],
}

function toolsOf(state: OfficialState): Tool[] {
  const { description } = state
  const echo = { name: 'echo', description, inputSchema: textInput, outputSchema: textInput }
  const names = ['slow_read', 'slow_write', 'environment', 'process', 'ask_user']
  const others = [...names, ...Array.from({ length: state.moreTools }, (_, each) => `more_${each}`)]
  const inputSchema = { type: 'object' as const, properties: {} }
  return [echo, ...others.map((name) => ({ name, description: `${name}.`, inputSchema }))]
}

/** Small, so that a client must turn the pages; a client may give up after many. */
function pageSizeOf(state: OfficialState): number {
  return state.moreTools === 0 ? 3 : 100
}

export function createOfficialServer(state: OfficialState): Server {
  const server = new Server(
    { name: 'official', version: '1.0.0' },
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
  server.setRequestHandler('tools/list', ({ params }) => {
    if (state.listsNothing) throw new ProtocolError(-32_603, 'not now')
    const from = Number(params?.cursor ?? 0)
    const all = toolsOf(state)
    const pageSize = pageSizeOf(state)
    const tools = all.slice(from, from + pageSize)
    const next = from + pageSize
    return next >= all.length ? { tools } : { tools, nextCursor: String(next) }
  })
  server.setRequestHandler('tools/call', ({ params }, context) =>
    callTool(state, { name: params.name, args: params.arguments ?? {}, context }),
  )
  server.setRequestHandler('resources/list', () => ({
    resources: ['note://open/a', 'note://open/b', 'note://secret/c'].map((uri) => ({
      uri,
      name: uri,
    })),
  }))
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: [{ uriTemplate: 'note://open/{id}', name: 'open' }],
  }))
  server.setRequestHandler('resources/read', ({ params }) => {
    state.called.push(params.uri)
    return { contents: [{ uri: params.uri, mimeType: 'text/plain', text: state.note }] }
  })
  server.setRequestHandler('resources/subscribe', () => ({}))
  server.setRequestHandler('resources/unsubscribe', () => ({}))
  server.setRequestHandler('prompts/list', () => ({
    prompts: [{ name: 'greet', description: 'Greets.', arguments: [{ name: 'who' }] }],
  }))
  server.setRequestHandler('prompts/get', ({ params }) => {
    const text = `Hello ${params.arguments?.['who'] ?? ''}`
    return { messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }] }
  })
  server.setRequestHandler('completion/complete', ({ params }) => ({
    completion: { values: [`${params.argument.value}!`] },
  }))
  return server
}

async function callTool(
  state: OfficialState,
  call: { name: string; args: Readonly<Record<string, unknown>>; context: ServerContext },
) {
  const { name, args, context } = call
  state.called.push(name)
  switch (name) {
    case 'echo':
      return { ...textResult(String(args['text'])), structuredContent: { text: args['text'] } }
    case 'environment':
      return textResult(JSON.stringify(process.env))
    case 'process':
      return textResult(JSON.stringify({ pid: process.pid }))
    case 'ask_user':
      throw new ProtocolError(-32_603, 'it has no user')
    case 'slow_read':
    case 'slow_write':
      return slowly(state, name, context)
    default:
      return textResult(name)
  }
}

function textResult(text: string) {
  return { content: [{ type: 'text' as const, text }] }
}

/** Tells that it has begun, and works until it is told to stop. */
async function slowly(state: OfficialState, name: string, context: ServerContext) {
  const { signal, notify, _meta: meta } = context.mcpReq
  const progressToken = meta?.progressToken
  if (progressToken !== undefined) {
    const params = { progressToken, progress: 1, total: 2, message: 'begun' }
    await notify({ method: 'notifications/progress', params })
  }
  await sleep(longMs, undefined, { signal }).catch(() => state.cancelled.push(name))
  return textResult('done')
}

const longMs = 60_000
