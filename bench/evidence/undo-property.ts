// Random writes to the example shop through the gateway, then undone: in reverse, and in any order,
// where an earlier undo must wait for the later effects that touched the same thing. Afterwards the
// shop's database equals its snapshot. The seed is printed with the figures.
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { AirworthyApiError, type Client } from '@airworthy/sdk'
import * as fc from 'fast-check'
import { type AgentClients, agentClients } from '../../e2e/harness/clients.ts'
import { openShop, type Shop, worldDigest } from '../../examples/retail/index.ts'
import { type Airworthy, repository, startAirworthy } from '../airworthy.ts'
import { startProgram, textField } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { type Pick, writeOf } from './undo-property/random-writes.ts'

const runs = 40
const runsQuick = 12
const seedMax = 2_147_483_647
const writesMin = 2
const writesMax = 20

const pickArbitrary: fc.Arbitrary<Pick> = fc.record({
  kind: fc.nat({ max: 8 }),
  order: fc.nat({ max: 11 }),
  item: fc.nat({ max: 7 }),
  variant: fc.nat({ max: 5 }),
  payment: fc.nat({ max: 3 }),
})
// Some are refused by the shop: more are drawn than are needed.
const picksArbitrary = fc.array(pickArbitrary, { minLength: 40, maxLength: 40 })
const countArbitrary = fc.integer({ min: writesMin, max: writesMax })

type Ground = { readonly airworthy: Airworthy; readonly shop: Shop; readonly apiKey: string }

type Made = { readonly callId: string; readonly thing: string }

type Tally = {
  sequences: number
  writes: number
  refusedByTheShop: number
  undos: number
  blocked: number
  /** The shop found rows that no contract names, such as a gift card's. */
  undosRefusedByTheShop: number
  restored: number
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const ground = await standGround(opened)
  const seed = randomInt(seedMax)
  const numRuns = quick ? runsQuick : runs
  log(`seed ${seed}, ${numRuns} sequences undone in reverse, ${numRuns} in any order`)
  const reverse = newTally()
  await fc.assert(
    fc.asyncProperty(picksArbitrary, countArbitrary, (picks, count) =>
      undoInReverse(ground, { picks, count, tally: reverse }),
    ),
    { seed, numRuns, endOnFailure: true },
  )
  log(`undone in reverse: ${JSON.stringify(reverse)}`)
  const anyOrder = newTally()
  await fc.assert(
    fc.asyncProperty(
      picksArbitrary,
      countArbitrary,
      fc.array(fc.nat({ max: 1_000 }), { minLength: 60, maxLength: 60 }),
      (picks, count, choices) => undoInAnyOrder(ground, { picks, count, choices, tally: anyOrder }),
    ),
    { seed: seed + 1, numRuns, endOnFailure: true },
  )
  const isRestored = reverse.restored === numRuns && anyOrder.restored === numRuns
  return { seed, reverse, anyOrder, holds: isRestored && anyOrder.blocked > 0 }
}

function newTally(): Tally {
  return {
    sequences: 0,
    writes: 0,
    refusedByTheShop: 0,
    undos: 0,
    blocked: 0,
    undosRefusedByTheShop: 0,
    restored: 0,
  }
}

async function standGround(opened: AsyncDisposableStack): Promise<Ground> {
  const airworthy = opened.use(await startAirworthy())
  const { databaseUrl } = airworthy
  const shopProgram = opened.use(
    await startProgram({
      name: 'the example shop',
      args: [join(repository, 'examples/retail/server.ts'), '--http', '--port', '0'],
      env: { RETAIL_DATABASE_URL: databaseUrl },
    }),
  )
  const shop = opened.use(await openShop({ databaseUrl, poolMax: 4 }))
  const manifest = manifestText(textField(shopProgram.ready, 'listening'))
  const { apiKey } = await airworthy.client.enrolAgent({ manifest, file: 'undo.json' })
  return { airworthy, shop, apiKey: apiKey ?? '' }
}

const orderTools = [
  'cancel_pending_order',
  'modify_pending_order_items',
  'modify_pending_order_payment',
  'modify_pending_order_address',
  'return_delivered_order_items',
  'exchange_delivered_order_items',
]

function manifestText(shopUrl: string): string {
  const key = { effect_key: '{{effect.key}}' }
  const contract = (name: string) => ({
    effect: 'reversible',
    // A setter may come back to where it was: the last arguments count.
    key: name,
    otherArguments: 'replace',
    touches: [`{{session.id}} ${name}`],
    undo: { tool: 'undo_effect', arguments: key },
    probe: { tool: 'probe_effect', arguments: key, done: 'result.found == true' },
  })
  const tools = orderTools.map((tool) => [`shop/${tool}`, contract('{{args.order_id}}')])
  const user = ['shop/modify_user_address', contract('{{args.user_id}}')]
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: 'undo', owner: 'bench@example.com', stakes: 'low' },
    toolServers: { shop: { transport: 'http', url: shopUrl, timeoutMs: 30_000 } },
    tools: Object.fromEntries([...tools, user]),
    limits: { loops: { identical: 0, oscillation: 0 } },
    pact: { permissions: [{ id: 'all', effect: 'allow', tools: ['shop/*'] }] },
  })
}

/** A session with a world of its own, and the world's digest before anything was written. */
async function openWorld(ground: Ground) {
  const { airworthy, apiKey } = ground
  const { session, sessionKey } = await airworthy.client.openSession({ agent: 'undo' })
  const agent = agentClients({ url: airworthy.url, apiKey, sessionKey, server: 'shop' })
  // The world is made by the first call that names it, be it refused.
  await agent.call('cancel_pending_order', { order_id: '#none', reason: 'no longer needed' })
  const before = await worldDigest(ground.shop, session.id)
  return { agent, before, sessionId: session.id }
}

type Sequence = { readonly picks: readonly Pick[]; readonly count: number; readonly tally: Tally }

/** Writes until as many were done as are wanted; what the shop refuses leaves no effect. */
async function makeWrites(agent: AgentClients, { picks, count, tally }: Sequence): Promise<Made[]> {
  const made: Made[] = []
  for (const pick of picks) {
    if (made.length >= count) break
    const { tool, args, thing } = writeOf(pick)
    const reply = await agent.call(tool, args)
    if (reply.isError) tally.refusedByTheShop += 1
    else if (reply.meta['airworthy/repeat-of'] === undefined) {
      made.push({ callId: String(reply.meta['airworthy/call']), thing })
    }
  }
  tally.sequences += 1
  tally.writes += made.length
  return made
}

async function undoInReverse(ground: Ground, sequence: Sequence): Promise<boolean> {
  const { agent: opened, before, sessionId } = await openWorld(ground)
  await using agent = opened
  const { tally } = sequence
  for (const { callId } of (await makeWrites(agent, sequence)).toReversed()) {
    await ground.airworthy.client.undoCall(callId)
    tally.undos += 1
  }
  const isRestored = (await worldDigest(ground.shop, sessionId)) === before
  if (isRestored) tally.restored += 1
  return isRestored
}

/** Whatever is tried first, only what no later effect stands upon is undone; the rest comes after. */
async function undoInAnyOrder(
  ground: Ground,
  sequence: Sequence & { readonly choices: readonly number[] },
): Promise<boolean> {
  const { agent: opened, before, sessionId } = await openWorld(ground)
  await using agent = opened
  const { tally, choices } = sequence
  const standing = await makeWrites(agent, sequence)
  for (const choice of choices) {
    const chosen = standing[choice % Math.max(standing.length, 1)]
    if (chosen === undefined) break
    const later = standing.slice(standing.indexOf(chosen) + 1).toReversed()
    const inTheWay = later.filter((each) => each.thing === chosen.thing).map((each) => each.callId)
    const end = await tryUndo(ground.airworthy.client, chosen.callId)
    if (end.kind === 'undone') standing.splice(standing.indexOf(chosen), 1)
    const isExpected =
      inTheWay.length === 0
        ? end.kind !== 'blocked'
        : end.kind === 'blocked' && String(end.by) === String(inTheWay)
    if (!isExpected)
      throw new Error(`${JSON.stringify(end)}, expected ${inTheWay.join() || 'none'}`)
    if (end.kind === 'blocked') tally.blocked += 1
    if (end.kind === 'undone') tally.undos += 1
    if (end.kind === 'refused') tally.undosRefusedByTheShop += 1
  }
  for (const { callId } of standing.toReversed()) {
    await ground.airworthy.client.undoCall(callId)
    tally.undos += 1
  }
  const isRestored = (await worldDigest(ground.shop, sessionId)) === before
  if (isRestored) tally.restored += 1
  return isRestored
}

type UndoEnd =
  | { readonly kind: 'undone' }
  | { readonly kind: 'blocked'; readonly by: unknown }
  /** By the tool: rows that no contract names have changed since. */
  | { readonly kind: 'refused' }

async function tryUndo(client: Client, callId: string): Promise<UndoEnd> {
  try {
    await client.undoCall(callId)
    return { kind: 'undone' }
  } catch (thrown) {
    if (!(thrown instanceof AirworthyApiError)) throw thrown
    if (thrown.code === 'effect.undo_blocked') {
      return { kind: 'blocked', by: thrown.detail?.['blockedBy'] }
    }
    if (thrown.code === 'effect.not_undoable') return { kind: 'refused' }
    throw thrown
  }
}
