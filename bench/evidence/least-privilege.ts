// Least privilege by task, before the example shop: every tool is tried in every task, every
// customer's data in the session of every other one, every write before its flow is open. What was
// done is read from the shop's own journal.
import { join } from 'node:path'
import { journalRows, openShop } from '../../examples/retail/index.ts'
import type { Shop } from '../../examples/retail/index.ts'
import { generateShop } from '../../examples/retail/seed/generate.ts'
import { sevenWrites } from '../../examples/retail/test-writes.ts'
import { repository, startAirworthy } from '../airworthy.ts'
import type { Airworthy } from '../airworthy.ts'
import { isRecord } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const customersMax = 12
const customersQuick = 5
const writesAtOnce = 20
const writesMax = 3

const data = generateShop(1)
const users = Object.values(data.users)
const writes = sevenWrites(data)
const someOrder = Object.keys(data.orders)[0] ?? ''
const reads = [
  { tool: 'find_user_id_by_email', arguments: { email: users[0]?.email ?? '' } },
  { tool: 'get_user_details', arguments: { user_id: users[0]?.user_id ?? '' } },
  { tool: 'get_order_details', arguments: { order_id: someOrder } },
]
const everyCall = [...reads, ...writes]

const address = {
  address1: '1 Test Way',
  address2: '',
  city: 'Duluth',
  state: 'MN',
  country: 'USA',
  zip: '55801',
}

const tasks = {
  lookup: { description: 'Answers questions.', tools: ['shop/get_*', 'shop/find_*'] },
  cancel: {
    description: 'Cancels an order.',
    tools: ['shop/get_order_details', 'shop/cancel_pending_order'],
  },
  address: {
    description: 'Moves one customer.',
    tools: ['shop/get_user_details', 'shop/modify_user_address'],
    scopes: ['user_id'],
    bounds: [{ id: 'own', tools: ['shop/*'], when: "args.user_id == session.scope['user_id']" }],
  },
}

const toolsOf: Readonly<Record<string, readonly string[]>> = {
  lookup: ['find_user_id_by_email', 'get_order_details', 'get_user_details'],
  cancel: ['cancel_pending_order', 'get_order_details'],
  address: ['get_user_details', 'modify_user_address'],
}

type Ground = { readonly airworthy: Airworthy; readonly shop: Shop }

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using airworthy = await startAirworthy()
  await using shop = await openShop({ databaseUrl: airworthy.databaseUrl, poolMax: 2 })
  const ground = { airworthy, shop }
  const byTask = await tryEveryTool(ground)
  log(`tools: ${JSON.stringify(byTask)}`)
  const byScope = await tryEveryCustomer(ground, quick ? customersQuick : customersMax)
  log(`data: ${JSON.stringify(byScope)}`)
  const byFlow = await tryEarlyWrites(ground)
  log(`writes: ${JSON.stringify(byFlow)}`)
  const holds = [
    byTask.listedOtherwise === 0 && byTask.forbidden === byTask.outside,
    byTask.outside > 0 && byTask.doneOutside === 0,
    byScope.othersDone === 0 && byScope.othersWritten === 0 && byScope.ownDone === byScope.own,
    byFlow.doneBefore === 0 && byFlow.doneAfter === writesMax && byFlow.journal === writesMax,
  ].every(Boolean)
  return { byTask, byScope, byFlow, holds }
}

/** Every tool of the shop in every task: what is outside is neither listed nor done. */
async function tryEveryTool(ground: Ground) {
  const agent = await enrol(ground, 'by-task', {})
  const found = { tasks: 0, outside: 0, forbidden: 0, listedOtherwise: 0, doneOutside: 0 }
  for (const [task, names] of Object.entries(toolsOf)) {
    const scope = task === 'address' ? { user_id: users[0]?.user_id ?? '' } : {}
    const session = await agent.open({ task, scope })
    found.tasks += 1
    const listed = (await session.listed()).toSorted()
    if (JSON.stringify(listed) !== JSON.stringify(names)) found.listedOtherwise += 1
    for (const call of everyCall.filter(({ tool }) => !names.includes(tool))) {
      found.outside += 1
      if ((await session.call(call.tool, call.arguments)) === 'task.forbidden') found.forbidden += 1
    }
    const rows = await journalRows(ground.shop, { world: session.id })
    found.doneOutside += rows.filter((row) => !names.includes(row.tool)).length
  }
  return found
}

/** Each customer's session tries each customer's data. */
async function tryEveryCustomer(ground: Ground, count: number) {
  const agent = await enrol(ground, 'by-scope', {})
  const ids = users.slice(0, count).map((user) => user.user_id)
  const found = { customers: ids.length, own: 0, ownDone: 0, others: 0, othersDone: 0 }
  let othersWritten = 0
  for (const own of ids) {
    const session = await agent.open({ task: 'address', scope: { user_id: own } })
    for (const user_id of ids) {
      const answers = [
        await session.call('get_user_details', { user_id }),
        await session.call('modify_user_address', { user_id, ...address }),
      ]
      const done = answers.filter((code) => code === 'done').length
      if (user_id === own) {
        found.own += answers.length
        found.ownDone += done
      } else {
        found.others += answers.length
        found.othersDone += done
      }
    }
    const rows = await journalRows(ground.shop, { world: session.id })
    othersWritten += Math.max(0, rows.length - 1)
  }
  return { ...found, othersWritten }
}

/** Writes before the customer was found, then more at once than one flow allows. */
async function tryEarlyWrites(ground: Ground) {
  const when = "session.done['shop/find_user_id_by_email'] > 0"
  const agent = await enrol(ground, 'by-flow', { writeFlow: { when, writesMax } })
  const session = await agent.open({ task: 'everything' })
  const writeAll = async (): Promise<number> => {
    const answers = await Promise.all(
      users
        .slice(0, writesAtOnce)
        .map(({ user_id }) => session.call('modify_user_address', { user_id, ...address })),
    )
    return answers.filter((code) => code === 'done').length
  }
  const doneBefore = await writeAll()
  await session.call('find_user_id_by_email', { email: users[0]?.email ?? '' })
  const doneAfter = await writeAll()
  const journal = (await journalRows(ground.shop, { world: session.id })).length
  return { triedBefore: writesAtOnce, doneBefore, triedAfter: writesAtOnce, doneAfter, journal }
}

async function enrol({ airworthy }: Ground, name: string, pact: object) {
  const { client, url, databaseUrl } = airworthy
  const manifest = JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name, owner: 'evidence', stakes: 'high' },
    toolServers: {
      shop: {
        transport: 'stdio',
        command: process.execPath,
        args: [join(repository, 'examples/retail/server.ts'), '--stdio'],
        env: { RETAIL_DATABASE_URL: databaseUrl },
      },
    },
    tools: {
      ...Object.fromEntries(reads.map(({ tool }) => [`shop/${tool}`, { effect: 'read' }])),
      ...Object.fromEntries(writes.map(({ tool }) => [`shop/${tool}`, { effect: 'irreversible' }])),
    },
    scopes: { user_id: 'string' },
    tasks: { ...tasks, everything: { description: 'All of it.', tools: ['shop/*'] } },
    pact: { permissions: [{ id: 'all', effect: 'allow', tools: ['*'] }], ...pact },
  })
  const { apiKey } = await client.enrolAgent({ manifest, file: `${name}.json` })
  return {
    open: async (opening: { task: string; scope?: Readonly<Record<string, string>> }) => {
      const { session, mcpUrls } = await client.openSession({ agent: name, ...opening })
      const ask = mcpRequester(mcpUrls['shop'] ?? url, apiKey ?? '')
      return {
        id: session.id,
        listed: async (): Promise<string[]> => {
          const { tools } = await ask('tools/list', {})
          return Array.isArray(tools) ? tools.map((tool) => String(tool.name)) : []
        },
        /** `done`, or the code of the refusal. */
        call: async (tool: string, args: object): Promise<string> => {
          const result = await ask('tools/call', { name: tool, arguments: args })
          const content = result['structuredContent']
          return result['isError'] === true && isRecord(content) ? String(content['code']) : 'done'
        },
      }
    },
  }
}

/** MCP as any client speaks it; the endpoint is stateless. */
function mcpRequester(url: string, apiKey: string) {
  return async (method: string, params: object): Promise<Readonly<Record<string, unknown>>> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    const reply: unknown = await response.json()
    const result = isRecord(reply) ? reply['result'] : undefined
    if (!isRecord(result)) throw new Error(`${method}: ${JSON.stringify(reply).slice(0, 300)}`)
    return result
  }
}
