// What most tests stand on: a database of their own, the real server, a fake model provider and a
// fake tool server. Each test enrols an agent of its own, so tests of one file do not meet.
import { after } from 'node:test'
import type { OpenSession, SessionDetail } from '@airworthy/sdk'
import { Client as Database } from 'pg'
import { createTestDatabase } from '../../server/test/database.ts'
import { agentClients, type AgentClients } from './clients.ts'
import { type FakeTools, startFakeTools } from './fake-tools.ts'
import { type FakeUpstream, startFakeUpstream } from './fake-upstream.ts'
import { type ManifestOptions, manifestText } from './manifest.ts'
import { startServer, type Server } from './server.ts'
import { checkRecord } from './record.ts'
import { until } from './until.ts'

export type Ground = {
  readonly server: Server
  readonly databaseUrl: string
  readonly database: Database
  readonly upstream: FakeUpstream
  readonly tools: FakeTools
} & AsyncDisposable

/** Stands until the tests of the file are over; then the record must be whole. */
export async function standGround(
  options: { env?: Readonly<Record<string, string>> } = {},
): Promise<Ground> {
  const ground = await startGround(options)
  after(async () => {
    try {
      await quiet(ground)
      await checkRecord(ground.server, ground.database)
    } finally {
      await ground[Symbol.asyncDispose]()
    }
  })
  return ground
}

export async function startGround(
  options: { env?: Readonly<Record<string, string>> } = {},
): Promise<Ground> {
  await using starting = new AsyncDisposableStack()
  const { url: databaseUrl } = starting.use(await createTestDatabase())
  const database = new Database({ connectionString: databaseUrl })
  // A test may end the database under its own connection.
  database.on('error', () => undefined)
  await database.connect()
  starting.defer(() => database.end())
  const upstream = starting.use(await startFakeUpstream())
  const tools = starting.use(await startFakeTools())
  const server = starting.use(await startServer({ databaseUrl, ...options }))
  const standing = starting.move()
  return {
    server,
    databaseUrl,
    database,
    upstream,
    tools,
    [Symbol.asyncDispose]: () => standing.disposeAsync(),
  }
}

/** Waits until no call is under way. */
export async function quiet(ground: Pick<Ground, 'server'>): Promise<void> {
  await until('all calls to end', async () => {
    const { openCalls } = await ground.server.client.health()
    return openCalls === 0
  })
}

export type TestAgent = {
  readonly name: string
  readonly apiKey: string
  /** `toolServer` is the one that the session's MCP client speaks to; `desk` by default. */
  readonly open: (options?: Omit<OpenSession, 'agent'>, toolServer?: string) => Promise<TestSession>
}

export type TestSession = AgentClients & {
  readonly id: string
  readonly sessionKey: string
  readonly detail: () => Promise<SessionDetail>
}

let agentsMade = 0

/** Enrols an agent. Its model calls go to the behaviour `echo` under its own name as the tag. */
export async function enrol(
  ground: Pick<Ground, 'server' | 'upstream' | 'tools'>,
  options: Partial<ManifestOptions> & { behaviour?: string } = {},
): Promise<TestAgent> {
  agentsMade += 1
  const { behaviour = 'echo', ...more } = options
  const name = more.name ?? `agent-${agentsMade}`
  const manifest = manifestText({
    name,
    modelBaseUrl: ground.upstream.base(behaviour, name),
    toolsUrl: ground.tools.url,
    ...more,
  })
  const { server } = ground
  const { apiKey } = await server.client.enrolAgent({ manifest, file: 'agent.json' })
  const key = apiKey ?? ''
  return {
    name,
    apiKey: key,
    open: async (opening = {}, toolServer = 'desk') => {
      const { session, sessionKey } = await server.client.openSession({ agent: name, ...opening })
      const clients = agentClients({
        url: server.url,
        apiKey: key,
        sessionKey,
        server: toolServer,
      })
      return {
        ...clients,
        id: session.id,
        sessionKey,
        detail: () => server.client.getSession(session.id),
      }
    },
  }
}
