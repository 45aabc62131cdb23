// How the API shows a channel and its messages, and reads what a channel is made of.
import type { Channel, ChannelTarget, Delivery } from '@airworthy/sdk'
import { z } from 'zod'
import { noticeKinds } from '../../core/approval/notice.ts'
import {
  channelKinds,
  emailAddress,
  hostName,
  isReference,
  recipientsMax,
  type ChannelTarget as StoredTarget,
  urlProblem,
} from '../../core/channel/target.ts'
import { parseWebhookSecret } from '../../core/channel/webhook-signature.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { findAgent } from '../../store/agents.ts'
import { type Channel as StoredChannel, findChannel } from '../../store/channels/channels.ts'
import type { Database } from '../../store/database.ts'
import {
  countDeliveries,
  type Delivery as StoredDelivery,
} from '../../store/channels/deliveries.ts'
import { agentIdOrName, id, text, time } from '../schemas.ts'

export const channelName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
  error: 'expected a name of letters, digits, dot, dash and underscore',
})

export const nameParams = z.strictObject({ name: channelName })

const kindSchema = z.enum(noticeKinds)
const stakesSchema = z.enum(['low', 'medium', 'high'])
const namesMax = 100

/** What a channel sends, and about whom. */
export const filterFields = {
  kinds: z.array(kindSchema).min(1).max(noticeKinds.length).exactOptional().meta({
    description: 'What is sent. Default: all but hold.decided.',
  }),
  agents: z.array(agentIdOrName).max(namesMax).exactOptional(),
  teams: z
    .array(text({ min: 1, max: 200 }))
    .max(namesMax)
    .exactOptional(),
  stakesMin: stakesSchema.exactOptional(),
  hideAmount: z.boolean().exactOptional(),
}

/** Names of agents that were given by name or id. Throws `agent.unknown`. */
export async function namesOfAgents(
  db: Database,
  organisationId: OrganisationId,
  given: readonly string[],
): Promise<string[]> {
  const names: string[] = []
  for (const each of given) {
    const agent = await findAgent(db, organisationId, each)
    if (agent === undefined) throw new AirworthyError('agent.unknown', `there is no agent ${each}`)
    names.push(agent.name)
  }
  return names
}

const url = text({ min: 1, max: 2048 }).superRefine((value, context) => {
  const problem = urlProblem(value)
  if (problem !== undefined) context.addIssue(problem)
})

export const webhookSecret = text({ min: 1, max: 200 }).refine(
  (value) => isReference(value) || parseWebhookSecret(value) !== undefined,
  { error: 'expected whsec_ and base64 of 24 to 64 bytes, or env:NAME' },
)

const webhook = z.strictObject({
  kind: z.literal('webhook'),
  url,
  secret: webhookSecret.exactOptional(),
})
const slack = z.strictObject({ kind: z.literal('slack'), url })
const teams = z.strictObject({ kind: z.literal('teams'), url })

const email = z
  .strictObject({
    kind: z.literal('email'),
    host: hostName,
    port: z.int().min(1).max(65_535).exactOptional(),
    tls: z.enum(['starttls', 'implicit', 'none']).exactOptional(),
    username: text({ min: 1, max: 254 }).exactOptional(),
    password: text({ min: 1, max: 1024 }).exactOptional(),
    from: emailAddress,
    to: z.array(emailAddress).min(1).max(recipientsMax),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: 'username and password go together',
  })
  .refine(({ tls, password }) => tls !== 'none' || password === undefined, {
    error: 'a password needs TLS',
  })
  .refine(({ to }) => new Set(to).size === to.length, { error: 'each address once' })

export const targetSchema: z.ZodType<ChannelTarget> = z.discriminatedUnion('kind', [
  webhook,
  slack,
  teams,
  email,
])

const ports = { starttls: 587, implicit: 465, none: 25 } as const

/** The target as it is stored. `secret` is that of a webhook. */
export function storedTarget(target: ChannelTarget, secret: string): StoredTarget {
  if (target.kind === 'webhook') {
    const { kind, url: place } = target
    return { kind, url: place, secrets: [{ secret: target.secret ?? secret, untilMs: null }] }
  }
  if (target.kind !== 'email') return target
  const tls = target.tls ?? 'starttls'
  return { ...target, to: [...target.to], tls, port: target.port ?? ports[tls] }
}

export const channelSchema: z.ZodType<Channel> = z
  .object({
    id,
    name: z.string(),
    kind: z.enum(channelKinds),
    place: z.string(),
    recipients: z.array(z.string()),
    kinds: z.array(kindSchema),
    agents: z.array(z.string()),
    teams: z.array(z.string()),
    stakesMin: stakesSchema,
    hideAmount: z.boolean(),
    createdAt: time,
    createdBy: id,
    deliveries: z.object({
      pending: z.int(),
      sent: z.int(),
      dead: z.int(),
      deadLately: z.int().meta({ description: 'Those that died in the last seven days.' }),
    }),
  })
  .meta({ id: 'Channel' })

const none = { pending: 0, sent: 0, dead: 0, deadLately: 0 }

export function presentChannel(
  channel: StoredChannel,
  deliveries: Channel['deliveries'] = none,
): Channel {
  const { kinds, agents, teams: owners, stakesMin } = channel.filter
  return {
    id: channel.channelId,
    name: channel.name,
    kind: channel.kind,
    place: channel.place,
    recipients: channel.recipients.filter((each) => each !== ''),
    kinds: [...kinds],
    agents: [...agents],
    teams: [...owners],
    stakesMin,
    hideAmount: channel.hidesAmount,
    createdAt: channel.createdAt.toISOString(),
    createdBy: channel.createdBy,
    deliveries,
  }
}

/** Throws `channel.unknown`. */
export async function requireChannel(
  db: Database,
  organisationId: OrganisationId,
  name: string,
): Promise<StoredChannel> {
  const channel = await findChannel(db, organisationId, name)
  if (channel !== undefined) return channel
  throw new AirworthyError('channel.unknown', `there is no channel ${name}`)
}

/** With how many messages it has. Throws `channel.unknown`. */
export async function showOne(
  db: Database,
  organisationId: OrganisationId,
  name: string,
): Promise<Channel> {
  const channel = await requireChannel(db, organisationId, name)
  const counts = await countDeliveries(db, organisationId, channel.channelId)
  return presentChannel(channel, counts.get(channel.channelId))
}

export const deliverySchema: z.ZodType<Delivery> = z
  .object({
    id,
    channel: z.string(),
    recipient: z.string(),
    kind: kindSchema,
    subject: id,
    state: z.enum(['pending', 'sent', 'dead']),
    attempts: z.int(),
    failure: z.string().nullable(),
    noticedAt: time,
    nextAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Delivery' })

export function presentDelivery(delivery: StoredDelivery): Delivery {
  return {
    id: delivery.deliveryId,
    channel: delivery.channel,
    recipient: delivery.recipient,
    kind: delivery.kind,
    subject: delivery.subjectId,
    state: delivery.state,
    attempts: delivery.attempts,
    failure: delivery.failure,
    noticedAt: delivery.noticedAt.toISOString(),
    nextAt: delivery.nextAt?.toISOString() ?? null,
    endedAt: delivery.endedAt?.toISOString() ?? null,
  }
}
