// What faulty votes are tried on: a desk whose refunds wait for two of three people, and questions that
// were opened again once, so that there are honest votes of an earlier round to misuse.
import { type Ballot, type SignedVote, signVote } from '@airworthy/sdk'
import { agentClients } from '../../../e2e/harness/clients.ts'
import type { FakeTools } from '../../../e2e/harness/fake-tools.ts'
import { at } from '../../../e2e/harness/json.ts'
import { manifestText } from '../../../e2e/harness/manifest.ts'
import type { Signatory } from '../../../e2e/harness/operators.ts'
import type { Airworthy } from '../../airworthy.ts'

export type VoteWord = 'approve' | 'reject'

export type Desk = { readonly name: string; readonly apiKey: string }

export type Ground = {
  readonly server: Airworthy
  readonly tools: FakeTools
  readonly agent: Desk
  readonly ann: Signatory
  readonly ben: Signatory
  readonly cleo: Signatory
  /** Opens the sessions, so that the calls are theirs. */
  readonly author: Signatory
  /** May vote, but whose signature it is not. */
  readonly stranger: Signatory
}

export type Question = {
  readonly holdId: string
  /** Ben's ballot of the round before, and the vote that he signed then. */
  readonly before: Ballot
  readonly usedByBen: SignedVote
  /** Ben's ballot of now. */
  readonly now: Ballot
  /** How often the refund was made. */
  readonly executed: () => number
} & AsyncDisposable

export async function enrolDesk(server: Airworthy, tools: FakeTools): Promise<Desk> {
  const name = 'votes'
  const manifest = manifestText({
    name,
    modelBaseUrl: 'http://127.0.0.1:9/v1',
    toolsUrl: tools.url,
    rules: [
      { id: 'refunds', effect: 'hold', tools: ['desk/refund'], reason: 'people decide' },
      // Holds of itself once the session has written something: the facts have changed then.
      { id: 'busy', effect: 'hold', tools: ['desk/refund'], when: 'session.writes >= 1' },
    ],
    more: { approvals: [{ id: 'two', levels: [{ quorum: 2, withinSeconds: 3600 }] }] },
  })
  const { apiKey } = await server.client.enrolAgent({ manifest, file: 'votes.json' })
  if (apiKey === null) throw new Error('the agent was enrolled before')
  return { name, apiKey }
}

let ordersMade = 0

/** A held refund in its second round, about which nobody has voted in that round. */
export async function openQuestion(ground: Ground): Promise<Question> {
  const { server, tools, agent, ann, ben, author } = ground
  const { session, sessionKey } = await author.client.openSession({ agent: agent.name })
  const clients = agentClients({
    url: server.url,
    apiKey: agent.apiKey,
    sessionKey,
    server: 'desk',
  })
  ordersMade += 1
  const held = await clients.call('refund', { order_id: `order-${ordersMade}`, amount: 5 })
  const holdId = String(at(held.value, 'id'))
  await ann.vote(holdId, { vote: 'approve' })
  await clients.call('write_order', { order_id: `order-${ordersMade}` })
  const { ballot: before } = await ben.client.getBallot(holdId)
  const usedByBen = await signVote(before, { vote: 'approve' }, ben.signer)
  await ben.client.approveHold(holdId, { signed: usedByBen })
  const { ballot: now } = await ben.client.getBallot(holdId)
  if (now.round !== 2) throw new Error(`the question is in round ${now.round}`)
  return {
    holdId,
    before,
    usedByBen,
    now,
    executed: () =>
      tools.journal.filter((call) => call.session === session.id && call.tool === 'refund').length,
    [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose](),
  }
}

/** An honest, signed vote about the question as it is now. */
export function vote(person: Signatory, question: Question, word: VoteWord): Promise<unknown> {
  return person.vote(question.holdId, { vote: word })
}
