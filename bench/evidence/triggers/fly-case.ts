// One case over the retail world: an agent of its own, through the gateway, with the official MCP
// client; the report of the control API says what fired.
import assert from 'node:assert/strict'
import type { Client } from '@airworthy/sdk'
import type { Client as Database } from 'pg'
import { type AgentClients, agentClients } from '../../../e2e/harness/clients.ts'
import { type FakeTools, toolText } from '../../../e2e/harness/fake-tools.ts'
import { at, type Json } from '../../../e2e/harness/json.ts'
import { manifestText } from '../../../e2e/harness/manifest.ts'
import { saying } from '../../../e2e/harness/saying-model.ts'
import type { Case } from './case.ts'
import type { Step } from './steps.ts'

export type World = {
  readonly client: Client
  readonly url: string
  readonly database: Database
  readonly shopUrl: string
  readonly modelUrl: string
  /** Has the scorer. */
  readonly desk: FakeTools
}

const write: Json = {
  effect: 'reversible',
  undo: { tool: 'undo_effect', arguments: { effect_key: '{{effect.key}}' } },
}
const contracts: Json = {
  'retail/get_order_details': { effect: 'read' },
  'retail/get_user_details': {
    effect: 'read',
    dataClasses: ['address'],
    returns: { trust: 'trusted', private: true },
  },
  'retail/list_all_product_types': {
    effect: 'read',
    returns: { trust: 'untrusted', private: false },
  },
  'retail/cancel_pending_order': {
    ...write,
    amount: {
      quote: {
        tool: 'quote_refund',
        arguments: { order_id: '{{args.order_id}}' },
        path: 'amount',
      },
      currency: 'USD',
    },
  },
  'retail/modify_user_address': { ...write, dataClasses: ['address'] },
}
const tasks: Json = {
  support: { description: 'Support', tools: ['*'] },
  returns: { description: 'Returns', tools: ['*'] },
}

/** What did not go as the case says; empty where all did. */
export async function flyCase(world: World, flown: Case, index: number): Promise<string[]> {
  const { client, database, desk } = world
  const agent = `trigger-${index}`
  const manifest = manifestText({
    name: agent,
    modelBaseUrl: world.modelUrl,
    toolsUrl: world.shopUrl,
    toolServers: {
      retail: { transport: 'http', url: world.shopUrl, timeoutMs: 20_000 },
      desk: { transport: 'http', url: desk.url, timeoutMs: 20_000 },
    },
    tools: contracts,
    permissions: [
      { id: 'models', effect: 'allow', models: ['*'] },
      { id: 'tools', effect: 'allow', tools: ['retail/*'] },
    ],
    pact: { escalation: flown.escalation, taint: { trifecta: 'off' } },
    more: { tasks },
  })
  const { apiKey } = await client.enrolAgent({ manifest, file: 'trigger.json' })
  assert(apiKey !== null, 'the agent is new')
  if (flown.history !== undefined) await plantHistory(database, agent, flown.history)
  const flight = new Flight(world, { agent, apiKey })
  const wrong: string[] = []
  try {
    for (const [number, step] of flown.steps.entries()) {
      const problem = await flight.take(step)
      if (problem !== undefined) wrong.push(`step ${number + 1}: ${problem}`)
    }
  } finally {
    await flight.end()
  }
  const { codes } = await client.reportEscalation({ agent })
  const fired = codes.map(({ trigger, code, fired: times }) => `${trigger} ${code} ${times}`)
  const wanted = Object.entries(flown.fires).map(([name, times]) => `${name} ${times}`)
  const [is, due] = [fired, wanted].map((list) => list.toSorted().join(', ') || 'nothing')
  if (is !== due) wrong.push(`fired ${is}, and not ${due}`)
  return wrong.map((problem) => `${flown.name}: ${problem}`)
}

class Flight {
  readonly #world: World
  readonly #agent: { readonly agent: string; readonly apiKey: string }
  #session: { readonly id: string; readonly clients: AgentClients } | undefined
  #holds: string[] = []

  constructor(world: World, agent: { readonly agent: string; readonly apiKey: string }) {
    this.#world = world
    this.#agent = agent
  }

  async end(): Promise<void> {
    await this.#session?.clients[Symbol.asyncDispose]()
  }

  /** What is not as it should be. */
  async take(step: Step): Promise<string | undefined> {
    const { client, desk } = this.#world
    if (step.kind === 'session') {
      await this.#open(step.task)
      return undefined
    }
    const { id, clients } = this.#session ?? (await this.#open('support'))
    switch (step.kind) {
      case 'tool': {
        const reply = await clients.call(step.tool, step.args)
        const isHeld = at(reply.value, 'held') === true
        if (isHeld) this.#holds.push(String(at(reply.value, 'id')))
        const is = isHeld ? 'held' : reply.isError ? JSON.stringify(reply.value) : 'done'
        return is === step.is ? undefined : `${step.tool} is ${is}, and not ${step.is}`
      }
      case 'say': {
        const more = step.sure === undefined ? {} : { logprobs: true, seed: step.sure }
        const { status, text } = await clients.post(saying(step.text, more))
        return status === 200 ? undefined : `the model call was refused: ${text}`
      }
      case 'doubt': {
        const told = await clients.call('airworthy_escalate', { reason: 'a case asks for it' })
        return at(told.value, 'escalated') === true ? undefined : JSON.stringify(told.value)
      }
      case 'score':
        desk.direct(id, 'measure', () => toolText({ score: step.score }))
        return undefined
      case 'approve':
        for (const hold of this.#holds.splice(0)) await client.approveHold(hold)
        return undefined
      case 'reject':
      default:
        for (const hold of this.#holds.splice(0)) await client.rejectHold(hold)
        return undefined
    }
  }

  async #open(task: string): Promise<{ id: string; clients: AgentClients }> {
    await this.end()
    const { client, url } = this.#world
    const { agent, apiKey } = this.#agent
    const { session, sessionKey } = await client.openSession({ agent, task })
    const clients = agentClients({ url, apiKey, sessionKey, server: 'retail' })
    this.#session = { id: session.id, clients }
    return this.#session
  }
}

/** Hours of work lie behind the agent; the last of them ended before this one. */
async function plantHistory(
  database: Database,
  agent: string,
  { hours, calls }: NonNullable<Case['history']>,
): Promise<void> {
  const hour = Math.floor(Date.now() / 3_600_000) - 1
  const watch = { hour, hours, means: [calls, 1], variances: [0, 0] }
  await database.query(
    `INSERT INTO airworthy.agent_watches (organisation_id, agent_id, watch, changed_at)
    SELECT organisation_id, agent_id, $2, now() FROM airworthy.agents WHERE name = $1`,
    [agent, JSON.stringify(watch)],
  )
}
