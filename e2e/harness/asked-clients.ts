// Both official clients, with somebody who answers what tool servers ask: a user, a model, files.
import {
  Client as NewClient,
  type ElicitResult,
  StreamableHTTPClientTransport as NewTransport,
} from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { type Json } from './json.ts'
import { type CallOptions, type Door, optionsOf } from './mcp-clients.ts'

/** What the client has; what it lacks it does not offer. */
export type Asked = {
  readonly user?: (message: string, signal: AbortSignal) => Promise<ElicitResult>
  readonly model?: string
  readonly files?: string
}

export type AskedClient = {
  readonly call: (name: string, text: string, options?: CallOptions) => Promise<Json>
  /** As the gateway named it, in revision 2025-11-25. */
  readonly sessionId: () => string | undefined
} & AsyncDisposable

export type ConnectAsked = (door: Door, asked: Asked) => Promise<AskedClient>

const info = { name: 'e2e', version: '0' }

export function accept(name: string): ElicitResult {
  return { action: 'accept', content: { name } }
}

function capabilitiesOf({ user, model, files }: Asked) {
  return {
    ...(user && { elicitation: {} }),
    ...(model === undefined ? {} : { sampling: {} }),
    ...(files === undefined ? {} : { roots: {} }),
  }
}

function sampled(text: string) {
  return { role: 'assistant' as const, model: 'own', content: { type: 'text' as const, text } }
}

function transportOptions(door: Door) {
  return { requestInit: { headers: { authorization: `Bearer ${door.apiKey}` } } }
}

/** Revision 2025-11-25, the official client 1.32. */
export const connectOldAsked: ConnectAsked = async (door, asked) => {
  const client = new OldClient(info, { capabilities: capabilitiesOf(asked) })
  const { user, model, files } = asked
  if (user !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }, { signal }) =>
      user(params.message, signal),
    )
  }
  if (model !== undefined)
    client.setRequestHandler(CreateMessageRequestSchema, () => sampled(model))
  if (files !== undefined) {
    client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: files }] }))
  }
  const transport = new OldTransport(new URL(door.url), transportOptions(door))
  await client.connect(transport)
  return {
    call: (name, text, options = {}) =>
      client.callTool({ name, arguments: { text } }, undefined, optionsOf(options)),
    sessionId: () => transport.sessionId,
    [Symbol.asyncDispose]: () => client.close(),
  }
}

/** Revision 2026-07-28 and no other, the official client 2.4. */
export const connectNewAsked: ConnectAsked = async (door, asked) => {
  const client = new NewClient(info, {
    capabilities: capabilitiesOf(asked),
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  })
  const { user, model, files } = asked
  if (user !== undefined) {
    client.setRequestHandler('elicitation/create', ({ params }, { mcpReq }) =>
      user(params.message, mcpReq.signal),
    )
  }
  if (model !== undefined) {
    client.setRequestHandler('sampling/createMessage', () => sampled(model))
  }
  if (files !== undefined) {
    client.setRequestHandler('roots/list', () => ({ roots: [{ uri: files }] }))
  }
  await client.connect(new NewTransport(new URL(door.url), transportOptions(door)))
  return {
    call: (name, text, options = {}) =>
      client.callTool({ name, arguments: { text } }, optionsOf(options)),
    sessionId: () => undefined,
    [Symbol.asyncDispose]: () => client.close(),
  }
}
