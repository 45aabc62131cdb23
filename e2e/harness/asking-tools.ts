// Tools that ask the client for what only it has, on the official SDK 2.4: in 2026-07-28 by what they
// answer, in 2025-11-25 by requests of their own, which the SDK makes of the same answer.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type InputRequest,
  inputRequired,
  inputResponse,
  Server,
  type ServerContext,
  type Tool,
} from '@modelcontextprotocol/server'
import { type Json } from './json.ts'

const inputSchema = { type: 'object' as const, properties: { text: { type: 'string' } } }
const names = ['ask_user', 'ask_model', 'ask_files', 'ask_all', 'ask_twice', 'ask_late', 'plain']

const questions: Readonly<Record<string, (text: string) => InputRequest>> = {
  user: (text) =>
    inputRequired.elicit({
      message: text,
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
    }),
  model: (text) =>
    inputRequired.createMessage({
      messages: [{ role: 'user', content: { type: 'text', text } }],
      maxTokens: 10,
    }),
  files: () => inputRequired.listRoots(),
}

/** By tool: what is asked in one round. */
const rounds: Readonly<Record<string, readonly string[]>> = {
  ask_user: ['user'],
  ask_model: ['model'],
  ask_files: ['files'],
  ask_all: ['user', 'model', 'files'],
  ask_twice: ['user'],
  ask_late: [],
}

/** `ask_late` asks so much later, whatever became of its call. */
export const lateMs = 300
const longMs = 60_000

export function createAskingServer(): Server {
  const server = new Server({ name: 'asking', version: '1' }, { capabilities: { tools: {} } })
  server.setRequestHandler('tools/list', () => ({
    tools: names.map((name): Tool => ({ name, description: `${name}.`, inputSchema })),
  }))
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const { text: given } = params.arguments ?? {}
    const text = typeof given === 'string' ? given : ''
    const keys = rounds[params.name]
    if (keys === undefined) return textResult({ plain: text })
    if (params.name === 'ask_late') return askLate(server, text, context)
    const round = roundOf(context)
    const last = params.name === 'ask_twice' ? 2 : 1
    if (round === last) return textResult(answersOf(context, keys))
    const asked = keys.map((key) => [key, questions[key]?.(`${text}#${round + 1}`)] as const)
    const inputRequests = Object.fromEntries(
      asked.flatMap(([key, request]) => (request === undefined ? [] : [[key, request]])),
    )
    return inputRequired({ inputRequests, requestState: String(round + 1) })
  })
  return server
}

/** Tells that it has begun, then asks in a request that says nothing of the call it is for. */
async function askLate(server: Server, text: string, { mcpReq }: ServerContext) {
  const { _meta: meta, notify } = mcpReq
  const question = { message: text, requestedSchema: { type: 'object' as const, properties: {} } }
  setTimeout(() => void server.elicitInput(question).catch(() => undefined), lateMs)
  const params = { progressToken: meta?.progressToken ?? 0, progress: 1 }
  await notify({ method: 'notifications/progress', params })
  await sleep(longMs)
  return textResult({})
}

/** Rounds that the client has answered. */
function roundOf(context: ServerContext): number {
  const state: unknown = context.mcpReq.requestState()
  return typeof state === 'string' ? Number(state) : 0
}

function answersOf(context: ServerContext, keys: readonly string[]): Json {
  const { inputResponses } = context.mcpReq
  return Object.fromEntries(keys.map((key) => [key, inputResponse(inputResponses, key)]))
}

function textResult(value: Json) {
  return { content: [{ type: 'text' as const, text: JSON.stringify(value) }] }
}
