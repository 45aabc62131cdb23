// Both official clients before one door of the gateway, spoken to in the same way.
import {
  Client as NewClient,
  type Progress,
  StreamableHTTPClientTransport as NewTransport,
} from '@modelcontextprotocol/client'
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { asRecord, type Json } from './json.ts'

export type Door = { readonly url: string; readonly apiKey: string }

export type CallOptions = {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export type McpClient = {
  /** All pages. */
  readonly listTools: () => Promise<readonly Json[]>
  readonly call: (name: string, args?: Json, options?: CallOptions) => Promise<Json>
  readonly listResources: () => Promise<string[]>
  readonly listTemplates: () => Promise<string[]>
  readonly read: (uri: string) => Promise<unknown>
  readonly listPrompts: () => Promise<string[]>
  readonly getPrompt: (name: string, args: Record<string, string>) => Promise<Json>
  readonly complete: (prompt: string, argument: { name: string; value: string }) => Promise<Json>
  /** Follows a resource; tells each time that it has changed. */
  readonly follow: (uri: string, onUpdate: (uri: string) => void) => Promise<void>
  readonly capabilities: () => Json
} & AsyncDisposable

export type Connect = (door: Door) => Promise<McpClient>

const info = { name: 'e2e', version: '0' }

export function optionsOf({ signal, onProgress }: CallOptions) {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onprogress: onProgress }),
  }
}

function transportOptions(door: Door) {
  return { requestInit: { headers: { authorization: `Bearer ${door.apiKey}` } } }
}

/** Revision 2025-11-25, the official client 1.32. */
export const connectOld: Connect = async (door) => {
  const client = new OldClient(info)
  await client.connect(new OldTransport(new URL(door.url), transportOptions(door)))
  return oldClient(client)
}

/** A program that speaks MCP over stdio, without the gateway. */
export async function connectProgram(program: {
  command: string
  args: readonly string[]
  env: Readonly<Record<string, string>>
}): Promise<McpClient> {
  const { command, args, env } = program
  const client = new OldClient(info)
  const options = { command, args: [...args], env: { ...env }, stderr: 'ignore' as const }
  await client.connect(new StdioClientTransport(options))
  return oldClient(client)
}

function oldClient(client: OldClient): McpClient {
  const listTools = async (): Promise<Json[]> => {
    const tools: Json[] = []
    let cursor: string | undefined
    do {
      const page = await client.listTools(cursor === undefined ? {} : { cursor })
      tools.push(...page.tools)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return tools
  }
  return {
    ...readers(client),
    listTools,
    call: async (name, args = {}, options = {}) =>
      client.callTool({ name, arguments: { ...args } }, undefined, optionsOf(options)),
    follow: async (uri, onUpdate) => {
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
        onUpdate(params.uri),
      )
      await client.subscribeResource({ uri })
    },
  }
}

/** Revision 2026-07-28 and no other, the official client 2.4. */
export const connectNew: Connect = async (door) => {
  const client = new NewClient(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  await client.connect(new NewTransport(new URL(door.url), transportOptions(door)))
  return {
    ...readers(client),
    listTools: async () => (await client.listTools()).tools,
    call: async (name, args = {}, options = {}) =>
      client.callTool({ name, arguments: { ...args } }, optionsOf(options)),
    follow: async (uri, onUpdate) => {
      client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
        onUpdate(params.uri),
      )
      const { honoredFilter } = await client.listen({ resourceSubscriptions: [uri] })
      const { resourceSubscriptions = [] } = honoredFilter
      if (!resourceSubscriptions.includes(uri)) throw new Error(`${uri} may not be followed`)
    },
  }
}

/** What both clients call alike. */
function readers(client: OldClient | NewClient) {
  return {
    listResources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    listTemplates: async () => {
      const { resourceTemplates } = await client.listResourceTemplates()
      return resourceTemplates.map(({ uriTemplate }) => uriTemplate)
    },
    read: async (uri: string) => (await client.readResource({ uri })).contents,
    listPrompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    getPrompt: async (name: string, args: Record<string, string>) =>
      asRecord(await client.getPrompt({ name, arguments: args })),
    complete: async (prompt: string, argument: { name: string; value: string }) => {
      const ref = { type: 'ref/prompt' as const, name: prompt }
      return asRecord((await client.complete({ ref, argument })).completion)
    },
    capabilities: () => asRecord(client.getServerCapabilities() ?? {}),
    [Symbol.asyncDispose]: () => client.close(),
  }
}
