// Clients that call again and again, whatever they hear: most have a stream open, others have a
// model call or a tool call in flight.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@airworthy/sdk'
import { type AgentClients, agentClients, chat } from '../../../e2e/harness/clients.ts'

/** Of each ten clients: so many hold a stream open. The others share calls and tools. */
const streamsOfTen = 6
const pauseMs = 50
const sessionsPerGateway = 10

export type Load = {
  /** Calls that clients wait for. */
  readonly inFlight: () => number
  /** Calls that ended well since the last look. */
  readonly takeGood: () => number
  readonly stop: () => Promise<void>
}

export async function startLoad(options: {
  readonly client: Client
  readonly agent: string
  readonly apiKey: string
  readonly gateways: readonly string[]
  readonly clientsPerGateway: number
}): Promise<Load> {
  const { client, agent, apiKey, gateways, clientsPerGateway } = options
  const over = new AbortController()
  let inFlight = 0
  let good = 0
  const all: AgentClients[] = []
  const running: Promise<void>[] = []
  const once = async (clients: AgentClients, kind: number): Promise<void> => {
    inFlight += 1
    try {
      if (kind < streamsOfTen) {
        await clients.post(chat({ stream: true }), { signal: over.signal })
      } else if (kind % 2 === 0) {
        const { status } = await clients.post(chat(), { signal: over.signal })
        if (status === 200) good += 1
      } else {
        const reply = await clients.call('write_order', { order_id: randomUUID() })
        if (!reply.isError) good += 1
      }
    } catch {
      // What is refused or cut is what the drill looks at, from the other side.
    } finally {
      inFlight -= 1
    }
  }
  const loop = async (clients: AgentClients, kind: number): Promise<void> => {
    while (!over.signal.aborted) {
      await once(clients, kind)
      await sleep(pauseMs)
    }
  }
  for (const url of gateways) {
    for (let at = 0; at < sessionsPerGateway; at += 1) {
      const { sessionKey } = await client.openSession({ agent })
      const clients = agentClients({ url, apiKey, sessionKey, server: 'desk' })
      all.push(clients)
      for (let one = at; one < clientsPerGateway; one += sessionsPerGateway) {
        running.push(loop(clients, Math.floor(one / sessionsPerGateway) % 10))
      }
    }
  }
  return {
    inFlight: () => inFlight,
    takeGood: () => {
      const taken = good
      good = 0
      return taken
    },
    stop: async () => {
      over.abort()
      await Promise.allSettled(all.map(async (clients) => clients[Symbol.asyncDispose]()))
      // A tool call that nobody answers any more is not waited for.
      await Promise.race([Promise.all(running), sleep(5000)])
    },
  }
}
