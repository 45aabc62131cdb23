// People who vote: operators with API keys, and with keys of their own.
import {
  type Client,
  createClient,
  createSigner,
  generateSigningKey,
  type HoldBallot,
  type Operator,
  type RequestSigner,
  signOperatorKey,
  signVote,
  type VoteOptions,
} from '@airworthy/sdk'
import type { Server } from './server.ts'

export type Person = {
  readonly id: string
  readonly name: string
  readonly client: Client
  readonly apiKey: string
}

export type Signatory = Person & {
  readonly signer: RequestSigner
  /** Signs and casts a vote about the hold as it is now. */
  readonly vote: (holdId: string, options: VoteOptions) => Promise<unknown>
}

let peopleMade = 0

export async function addPerson(
  server: Pick<Server, 'url' | 'client'>,
  options: { role?: Operator['role']; teams?: readonly string[]; name?: string } = {},
): Promise<Person> {
  peopleMade += 1
  const { role = 'approver', name = `person-${peopleMade}`, ...more } = options
  const { operator, key } = await server.client.addOperator({ name, role, ...more })
  const client = createClient({ baseUrl: server.url, key })
  return { id: operator.id, name, client, apiKey: key }
}

/** A person who has enrolled a key, and signs. */
export async function addSignatory(
  server: Pick<Server, 'url' | 'client'>,
  options: Parameters<typeof addPerson>[1] = {},
): Promise<Signatory> {
  const person = await addPerson(server, options)
  const { privateJwk, publicJwk } = await generateSigningKey()
  const signer = await createSigner(privateJwk)
  const { organisation } = await person.client.listOperatorKeys('me')
  const enrolled = { organisation, operator: person.id, key: signer.thumbprint }
  const proof = await signOperatorKey(enrolled, signer)
  await person.client.addOperatorKey('me', { publicKey: publicJwk.x, proof })
  return {
    ...person,
    signer,
    vote: async (holdId, vote) => cast(person.client, holdId, { vote, signer }),
  }
}

async function cast(
  client: Client,
  holdId: string,
  { vote, signer }: { readonly vote: VoteOptions; readonly signer: RequestSigner },
): Promise<unknown> {
  const { ballot }: HoldBallot = await client.getBallot(holdId)
  const signed = await signVote(ballot, vote, signer)
  return vote.vote === 'approve'
    ? client.approveHold(holdId, { signed })
    : client.rejectHold(holdId, { signed })
}
