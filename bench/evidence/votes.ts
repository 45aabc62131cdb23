// Votes that must not count: forged, replayed, expired, altered, self-made, out of order, and every two
// of these at once (all sets of them unless it is quick). Each is cast when one more vote would decide
// the hold, over the API of the real program; then an honest vote decides it, so that nothing was
// refused for another reason. And two of three, whatever comes first.
import { AirworthyApiError } from '@airworthy/sdk'
import { startFakeTools } from '../../e2e/harness/fake-tools.ts'
import { addSignatory } from '../../e2e/harness/operators.ts'
import { startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { castFaulty, type Fault, faults } from './votes/faulty-vote.ts'
import {
  enrolDesk,
  type Ground,
  openQuestion,
  type Question,
  vote,
  type VoteWord,
} from './votes/ground.ts'

type Case = {
  readonly faults: string
  readonly vote: VoteWord
  /** The code that it was refused with; empty where it was not. */
  readonly refused: string
  readonly holds: boolean
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using tools = await startFakeTools()
  await using server = await startAirworthy()
  const [ann, ben, cleo, author, stranger] = [
    await addSignatory(server),
    await addSignatory(server),
    await addSignatory(server),
    await addSignatory(server, { role: 'operator' }),
    await addSignatory(server),
  ]
  const agent = await enrolDesk(server, tools)
  const ground: Ground = { server, tools, agent, ann, ben, cleo, author, stranger }
  const sets = faultSets(quick ? 2 : faults.length)
  const cases: Case[] = []
  for (const set of sets) {
    for (const word of ['approve', 'reject'] as const)
      cases.push(await tryFaults(ground, set, word))
  }
  const wrong = cases.filter((each) => !each.holds)
  log(`${cases.length} faulty votes (${sets.length} sets of faults): ${wrong.length} took effect`)
  const orders = await tryOrders(ground)
  for (const order of orders) log(`2 of 3, ${order.votes}: ${order.outcome}`)
  const others = await tryOthers(ground)
  for (const other of others) log(`${other.what}: ${other.refused}`)
  const parts: readonly { readonly holds: boolean }[] = [...cases, ...orders, ...others]
  return {
    faults,
    cases: cases.length,
    pairs: sets.filter((set) => set.length === 2).length,
    refusals: countBy(cases.map((each) => each.refused)),
    tookEffect: wrong,
    orders,
    others,
    holds: parts.every((each) => each.holds),
  }
}

/** All sets of one to so many faults. */
function faultSets(sizeMax: number): readonly (readonly Fault[])[] {
  const all: Fault[][] = [[]]
  for (const fault of faults) all.push(...all.map((set) => [...set, fault]))
  return all.filter((set) => set.length > 0 && set.length <= sizeMax)
}

async function tryFaults(ground: Ground, set: readonly Fault[], word: VoteWord): Promise<Case> {
  await using question = await openQuestion(ground)
  await vote(ground.ann, question, word)
  const refused = await codeOf(() => castFaulty(ground, question, { faults: set, word }))
  const isUntouched = refused !== '' && (await isOpenWith(ground, question, 1))
  // One honest vote of the same kind decides: the faulty one was all that was wrong.
  await vote(ground.ben, question, word)
  const isDecided = await isDecidedBy(ground, question, word)
  return { faults: set.join(', '), vote: word, refused, holds: isUntouched && isDecided }
}

async function tryOrders(ground: Ground) {
  const { ann, ben, cleo } = ground
  const tries = [
    [['reject', 'approve', 'approve'], 'approve'],
    [['approve', 'reject', 'approve'], 'approve'],
    [['approve', 'approve'], 'approve'],
    [['reject', 'reject'], 'reject'],
    [['approve', 'reject', 'reject'], 'reject'],
    [['reject', 'approve', 'reject'], 'reject'],
  ] as const
  const orders: { votes: string; outcome: string; holds: boolean }[] = []
  for (const [words, outcome] of tries) {
    await using question = await openQuestion(ground)
    let isEarly = false
    for (const [at, word] of words.entries()) {
      const hold = await ground.server.client.getHold(question.holdId)
      isEarly ||= hold.state !== 'pending'
      await vote([ann, ben, cleo][at] ?? cleo, question, word)
    }
    const holds = !isEarly && (await isDecidedBy(ground, question, outcome))
    orders.push({ votes: words.join(', '), outcome, holds })
  }
  return orders
}

/** Other ways to vote that must not be open. */
async function tryOthers(ground: Ground) {
  const { ann, ben, cleo, server, agent } = ground
  const others: { what: string; refused: string; holds: boolean }[] = []
  const tried = async (
    what: string,
    code: string,
    cast: (question: Question) => Promise<unknown>,
  ) => {
    await using question = await openQuestion(ground)
    await vote(ann, question, 'approve')
    const refused = await codeOf(() => cast(question))
    const isUntouched = await isOpenWith(ground, question, 1)
    others.push({ what, refused, holds: refused === code && isUntouched })
  }
  await tried('a second vote of one person', 'vote.cast', (q) => vote(ann, q, 'approve'))
  await tried('a change of mind', 'vote.cast', (q) => vote(ann, q, 'reject'))
  await tried('no signature, though there is a key', 'vote.unsigned', (q) =>
    ben.client.approveHold(q.holdId),
  )
  await tried("the agent's own API key", 'auth.agent_key_refused', async (q) => {
    const response = await fetch(`${server.url}/v1/holds/${q.holdId}/approve`, {
      method: 'POST',
      headers: { authorization: `Bearer ${agent.apiKey}`, 'content-type': 'application/json' },
      body: '{}',
    })
    throw await asRefusal(response)
  })
  await using question = await openQuestion(ground)
  const votes = [ann, ben, cleo].map((each) => vote(each, question, 'approve'))
  const settled = await Promise.allSettled(votes)
  const late = settled.filter((each) => each.status === 'rejected').length
  const holds = await isDecidedBy(ground, question, 'approve')
  others.push({ what: 'three at once', refused: `${late} came late, executed once`, holds })
  return others
}

async function asRefusal(response: Response): Promise<unknown> {
  const body: { error?: { code?: string } } = JSON.parse(await response.text())
  const { code = '' } = body.error ?? {}
  return new AirworthyApiError({ status: response.status, code, message: code })
}

/** Still waiting, with so many votes in this round, and nothing done. */
async function isOpenWith(ground: Ground, question: Question, count: number): Promise<boolean> {
  const { client } = ground.server
  const hold = await client.getHold(question.holdId)
  const { votes } = await client.listVotes(question.holdId)
  const counted = votes.filter((each) => each.round === question.now.round).length
  return hold.state === 'pending' && counted === count && question.executed() === 0
}

async function isDecidedBy(ground: Ground, question: Question, word: VoteWord): Promise<boolean> {
  const hold = await ground.server.client.getHold(question.holdId)
  const isApproved = word === 'approve'
  const state = isApproved ? 'approved' : 'rejected'
  return hold.state === state && question.executed() === (isApproved ? 1 : 0)
}

async function codeOf(cast: () => Promise<unknown>): Promise<string> {
  try {
    await cast()
    return ''
  } catch (thrown) {
    if (thrown instanceof AirworthyApiError) return thrown.code
    throw thrown
  }
}

function countBy(codes: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1
  return counts
}
