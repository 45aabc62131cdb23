// A thousand calls that wait for people, of every kind of end.
import type { Client } from '@airworthy/sdk'
import { agentClients } from '../../../e2e/harness/clients.ts'
import { at } from '../../../e2e/harness/json.ts'

/** How a hold must end, and the votes that bring it there, in their order. */
export const groups = {
  approved: { prefix: 'one-yes', count: 400, votes: ['approve'] },
  rejected: { prefix: 'one-no', count: 200, votes: ['reject'] },
  agreed: { prefix: 'pair-yes-yes', count: 150, votes: ['approve', 'approve'] },
  outvoted: { prefix: 'pair-no-yes-yes', count: 100, votes: ['reject', 'approve', 'approve'] },
  refused: { prefix: 'pair-no-no', count: 50, votes: ['reject', 'reject'] },
  late: { prefix: 'one-late', count: 100, votes: [] },
} as const

export type Group = keyof typeof groups
export const groupNames: readonly Group[] = [
  'approved',
  'rejected',
  'agreed',
  'outvoted',
  'refused',
  'late',
]

export type Parked = {
  readonly group: Group
  readonly name: string
  readonly holdId: string
  readonly session: Session
}

export type Session = { readonly id: string; readonly key: string; readonly apiKey: string }

const sessionsCount = 10
const daySeconds = 24 * 3600

export function manifestText(toolsUrl: string): string {
  const hold = { effect: 'hold', tools: ['counter/count'] }
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: 'parked', owner: 'bench@example.com', stakes: 'low' },
    toolServers: { counter: { transport: 'http', url: toolsUrl, timeoutMs: 30_000 } },
    tools: { 'counter/count': { effect: 'irreversible' } },
    pact: {
      permissions: [
        { id: 'tools', effect: 'allow', tools: ['counter/*'] },
        { ...hold, id: 'one', when: "args.name.startsWith('one-')" },
        { ...hold, id: 'pair', when: "args.name.startsWith('pair-')" },
      ],
    },
    approvals: [
      {
        id: 'two-people',
        for: { rules: ['pair'] },
        levels: [
          { quorum: 2, withinSeconds: 2 * daySeconds },
          { quorum: 2, withinSeconds: 28 * daySeconds },
        ],
      },
      { id: 'one-person', levels: [{ quorum: 1, withinSeconds: 30 * daySeconds }] },
    ],
  })
}

/** Makes the calls through the official MCP client; each must be held. */
export async function park(options: {
  readonly url: string
  readonly client: Client
  readonly apiKey: string
}): Promise<Parked[]> {
  const names = groupNames.flatMap((group) =>
    Array.from({ length: groups[group].count }, (_, index) => ({
      group,
      name: `${groups[group].prefix}-${index}`,
    })),
  )
  const shares = Array.from({ length: sessionsCount }, (_, share) =>
    names.filter((__, index) => index % sessionsCount === share),
  )
  const parked = await Promise.all(shares.map((share) => parkShare(options, share)))
  return parked.flat()
}

async function parkShare(
  options: { readonly url: string; readonly client: Client; readonly apiKey: string },
  share: readonly { readonly group: Group; readonly name: string }[],
): Promise<Parked[]> {
  const { url, client, apiKey } = options
  const opened = await client.openSession({ agent: 'parked' })
  const session = { id: opened.session.id, key: opened.sessionKey, apiKey }
  await using agent = agentClients({ url, apiKey, sessionKey: session.key, server: 'counter' })
  const parked: Parked[] = []
  for (const { group, name } of share) {
    const { value } = await agent.call('count', { name })
    const holdId = at(value, 'id')
    if (at(value, 'held') !== true || typeof holdId !== 'string') {
      throw new Error(`${name} is not held: ${JSON.stringify(value)}`)
    }
    parked.push({ group, name, holdId, session })
  }
  return parked
}
