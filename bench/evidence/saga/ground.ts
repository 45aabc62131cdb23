// What the drills of runs stand on: the real server on a data directory that outlives it, and the
// tool server with barriers.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient, type RunDetail } from '@airworthy/sdk'
import { type AgentClients, agentClients } from '../../../e2e/harness/clients.ts'
import { startStepTools, type StepTools } from '../../../e2e/harness/step-tools.ts'
import {
  createDataDirectory,
  readPostgres,
  removeDataDirectory,
  type Server,
  startServer,
} from '../../../examples/replay/services.ts'

/** Longer than calls are parked; a probe's "not found" counts after this. */
const toolTimeoutMs = 10_000

export type SagaGround = {
  readonly client: Client
  readonly tools: StepTools
  readonly databaseUrl: string
  readonly killGateway: () => Promise<void>
  /** At the same address, on the same data. */
  readonly startGateway: () => Promise<void>
  readonly openSession: () => Promise<SagaSession>
} & AsyncDisposable

export type SagaSession = {
  readonly id: string
  readonly connect: () => AgentClients
  /** Asks the gateway, as the agent, to complete the run. Gives the state, or the code. */
  readonly complete: () => Promise<string>
}

export const runName = 'saga'

export async function standSagaGround(): Promise<SagaGround> {
  await using opened = new AsyncDisposableStack()
  const dataDirectory = await createDataDirectory()
  opened.defer(() => removeDataDirectory(dataDirectory))
  let server: Server = await startServer({ dataDirectory, port: 0 })
  opened.defer(() => server.stop())
  const { url } = server
  const port = Number(new URL(url).port)
  const key = (await readFile(server.operatorKeyFile, 'utf8')).trim()
  const client = createClient({ baseUrl: url, key })
  const tools = opened.use(await startStepTools(join(dataDirectory, 'journal.jsonl')))
  const { apiKey } = await client.enrolAgent({
    manifest: manifest(tools.mcpUrl),
    file: 'saga.json',
  })
  const { url: databaseUrl } = await readPostgres(server.dataDirectory)
  const standing = opened.move()
  return {
    client,
    tools,
    databaseUrl,
    killGateway: () => server.kill(),
    startGateway: async () => {
      server = await startServer({ dataDirectory, port })
    },
    openSession: async () => {
      const { session, sessionKey } = await client.openSession({ agent: 'saga' })
      const agent = { url, apiKey: apiKey ?? '', sessionKey, server: 'desk' }
      return {
        id: session.id,
        connect: () => agentClients(agent),
        complete: () => complete(`${url}/s/${sessionKey}/runs/${runName}/complete`, agent.apiKey),
      }
    },
    [Symbol.asyncDispose]: () => standing.disposeAsync(),
  }
}

async function complete(url: string, apiKey: string): Promise<string> {
  const headers = { authorization: `Bearer ${apiKey}` }
  const response = await fetch(url, { method: 'POST', headers })
  const text = await response.text()
  return /"(?:state|code)":"([a-z_.]+)"/.exec(text)?.[1] ?? text
}

function manifest(toolsUrl: string): string {
  const key = { key: '{{effect.key}}' }
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: 'saga', owner: 'bench@example.com', stakes: 'low' },
    toolServers: { desk: { transport: 'http', url: toolsUrl, timeoutMs: toolTimeoutMs } },
    tools: {
      'desk/step': {
        effect: 'reversible',
        undo: { tool: 'unstep', arguments: key },
        probe: { tool: 'probe', arguments: key, done: 'result.found == true' },
      },
    },
    pact: { permissions: [{ id: 'steps', effect: 'allow', tools: ['desk/*'] }] },
  })
}

const over: ReadonlySet<string> = new Set(['completed', 'compensated', 'stuck', 'settled'])

/** The run of a session once it is over; undefined where it never began. */
export async function awaitRun(
  client: Client,
  sessionId: string,
  withinMs: number,
): Promise<RunDetail | undefined> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const { runs } = await client.listRuns({ session: sessionId })
    const [run] = runs
    if (run === undefined || over.has(run.state) || performance.now() > deadline) {
      return run && client.getRun(run.id)
    }
    await sleep(250)
  }
}
