// Where people are told. A target lies sealed in the database: a dump of it posts nothing.
import { randomUUIDv7 } from 'node:crypto'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { NoticeKind } from '../../core/approval/notice.ts'
import type { ChannelFilter } from '../../core/channel/filter.ts'
import {
  type ChannelTarget,
  recipientsOf,
  shownPlace,
  targetSchema,
} from '../../core/channel/target.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { endOfRemoved } from './deliveries.ts'
import { appendEntries } from '../log/log.ts'
import type { Schema } from '../schema/schema.ts'
import { runCommand } from '../transaction.ts'

/** Each of them is looked at for every notice. */
export const channelsMax = 50
const endedOfPage = 1_000

/** Seals and opens under the master key. */
export type SecretVault = {
  readonly sealSecret: (text: string) => Buffer
  readonly openSecret: (sealed: Buffer) => string
}

export type Channel = {
  readonly channelId: string
  readonly name: string
  readonly kind: ChannelTarget['kind']
  readonly place: string
  /** E-mail addresses, each with deliveries of its own; one empty text for other channels. */
  readonly recipients: readonly string[]
  readonly filter: ChannelFilter
  readonly hidesAmount: boolean
  readonly createdBy: string
  readonly createdAt: Date
  /** Sealed. */
  readonly target: Buffer
}

export type NewChannel = {
  readonly name: string
  readonly target: ChannelTarget
  readonly filter: ChannelFilter
  readonly hidesAmount: boolean
  readonly operatorId: string
}

export type AddedChannel =
  | { readonly kind: 'ok'; readonly channelId: string }
  | { readonly kind: 'exists' }
  | { readonly kind: 'too_many' }

/** The entry names neither the channel nor its place: either may hold a person's name. */
export async function addChannel(
  db: Database,
  organisationId: OrganisationId,
  options: { readonly vault: SecretVault; readonly channel: NewChannel },
): Promise<AddedChannel> {
  const { vault, channel } = options
  const { name, target, filter, hidesAmount, operatorId } = channel
  return runCommand(db, organisationId, async (tx) => {
    const active = await listChannels(tx, organisationId)
    if (active.some((each) => each.name === name)) return { kind: 'exists' }
    if (active.length >= channelsMax) return { kind: 'too_many' }
    const channelId = randomUUIDv7()
    const body = { channel: channelId, kind: target.kind, operator: operatorId }
    const [entry] = await appendEntries(tx, organisationId, [
      { type: 'channel.added', agentId: organisationId, body },
    ])
    await tx
      .insertInto('airworthy.channels')
      .values({
        organisation_id: organisationId,
        channel_id: channelId,
        name,
        kind: target.kind,
        target: sealTarget(vault, channelId, target),
        place: shownPlace(target),
        recipients: [...recipientsOf(target)],
        kinds: [...filter.kinds],
        agents: [...filter.agents],
        teams: [...filter.teams],
        stakes_min: filter.stakesMin,
        hides_amount: hidesAmount,
        created_by: operatorId,
        created_at: new Date(entry?.atMs ?? 0),
      })
      .execute()
    return { kind: 'ok', channelId }
  })
}

/**
 * What waits to be sent there is sent no more, and where it was is forgotten. False where there is no
 * such channel.
 */
export async function removeChannel(
  db: Database,
  organisationId: OrganisationId,
  command: { readonly name: string; readonly operatorId: string },
): Promise<boolean> {
  const isRemoved = await runCommand(db, organisationId, async (tx) => {
    const channel = await findChannel(tx, organisationId, command.name)
    if (channel === undefined) return false
    const { channelId } = channel
    const [entry] = await appendEntries(tx, organisationId, [
      {
        type: 'channel.removed',
        agentId: organisationId,
        body: { channel: channelId, operator: command.operatorId },
      },
    ])
    const at = new Date(entry?.atMs ?? 0)
    await tx
      .updateTable('airworthy.channels')
      .set({ removed_at: at, target: Buffer.alloc(0), place: '', recipients: [] })
      .where('organisation_id', '=', organisationId)
      .where('channel_id', '=', channelId)
      .execute()
    return true
  })
  if (!isRemoved) return false
  // Not under the log's lock, which all agents wait for. Nothing of it is sent in the meantime; what a
  // crash leaves, the sender ends.
  let ended = endedOfPage
  while (ended === endedOfPage) ended = await endOfRemoved(db, organisationId, endedOfPage)
  return true
}

export type ChannelEdit = {
  readonly name: string
  readonly operatorId: string
  /** What is not given stays as it is. */
  readonly change: {
    readonly name?: string | undefined
    readonly filter: Partial<ChannelFilter>
    readonly hidesAmount?: boolean | undefined
  }
}

/** Changes what a channel is called and what it sends; messages that are made stay as they are. */
export async function editChannel(
  db: Database,
  organisationId: OrganisationId,
  { name, operatorId, change }: ChannelEdit,
): Promise<'ok' | 'unknown' | 'exists'> {
  return runCommand(db, organisationId, async (tx) => {
    const channel = await findChannel(tx, organisationId, name)
    if (channel === undefined) return 'unknown'
    const { channelId } = channel
    const named = change.name ?? name
    const namesake = await findChannel(tx, organisationId, named)
    if (namesake !== undefined && namesake.channelId !== channelId) return 'exists'
    await enterChange(tx, organisationId, { channelId, operatorId })
    const { kinds, agents, teams, stakesMin } = { ...channel.filter, ...change.filter }
    await tx
      .updateTable('airworthy.channels')
      .set({
        name: named,
        kinds: [...kinds],
        agents: [...agents],
        teams: [...teams],
        stakes_min: stakesMin,
        hides_amount: change.hidesAmount ?? channel.hidesAmount,
      })
      .where('organisation_id', '=', organisationId)
      .where('channel_id', '=', channelId)
      .execute()
    return 'ok'
  })
}

/** Gives when it was. */
async function enterChange(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
  { channelId, operatorId }: { readonly channelId: string; readonly operatorId: string },
): Promise<number> {
  const [entry] = await appendEntries(tx, organisationId, [
    {
      type: 'channel.changed',
      agentId: organisationId,
      body: { channel: channelId, operator: operatorId },
    },
  ])
  return entry?.atMs ?? 0
}

/** Changes the target under the lock. False where there is no such channel. */
export async function changeTarget(
  db: Database,
  organisationId: OrganisationId,
  command: {
    readonly vault: SecretVault
    readonly name: string
    readonly operatorId: string
    readonly change: (target: ChannelTarget, nowMs: number) => ChannelTarget
  },
): Promise<boolean> {
  const { vault, name, operatorId } = command
  return runCommand(db, organisationId, async (tx) => {
    const channel = await findChannel(tx, organisationId, name)
    if (channel === undefined) return false
    const { channelId } = channel
    const atMs = await enterChange(tx, organisationId, { channelId, operatorId })
    const target = command.change(openTarget(vault, channel), atMs)
    await tx
      .updateTable('airworthy.channels')
      .set({ target: sealTarget(vault, channelId, target), place: shownPlace(target) })
      .where('organisation_id', '=', organisationId)
      .where('channel_id', '=', channelId)
      .execute()
    return true
  })
}

/** Those that are not removed, by name; at most 50. */
export async function listChannels(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<Channel[]> {
  const rows = await selectChannels(db, organisationId).orderBy('name').execute()
  return rows.map(channelOf)
}

/** The same, which nobody removes until the transaction ends. */
export async function lockChannels(
  tx: Kysely<Schema>,
  organisationId: OrganisationId,
): Promise<Channel[]> {
  const rows = await selectChannels(tx, organisationId).orderBy('name').forShare().execute()
  return rows.map(channelOf)
}

export async function findChannel(
  db: Kysely<Schema>,
  organisationId: OrganisationId,
  name: string,
): Promise<Channel | undefined> {
  const row = await selectChannels(db, organisationId).where('name', '=', name).executeTakeFirst()
  return row === undefined ? undefined : channelOf(row)
}

function selectChannels(db: Kysely<Schema>, organisationId: OrganisationId) {
  return db
    .selectFrom('airworthy.channels')
    .selectAll()
    .where('organisation_id', '=', organisationId)
    .where('removed_at', 'is', null)
}

type SelectedChannel = Awaited<ReturnType<ReturnType<typeof selectChannels>['execute']>>[number]

function channelOf(row: SelectedChannel): Channel {
  const kinds: NoticeKind[] = row.kinds
  return {
    channelId: row.channel_id,
    name: row.name,
    kind: row.kind,
    place: row.place,
    recipients: row.recipients,
    filter: { kinds, agents: row.agents, teams: row.teams, stakesMin: row.stakes_min },
    hidesAmount: row.hides_amount,
    createdBy: row.created_by,
    createdAt: row.created_at,
    target: row.target,
  }
}

/** The id is sealed in: a target that was moved to another row does not open. */
function sealTarget(vault: SecretVault, channelId: string, target: ChannelTarget): Buffer {
  return vault.sealSecret(JSON.stringify({ channelId, target }))
}

const sealedTarget = z.object({ channelId: z.string(), target: targetSchema })

/** Throws when it was sealed under another master key, or for another channel. */
export function openTarget(
  vault: SecretVault,
  channel: Pick<Channel, 'channelId' | 'target'>,
): ChannelTarget {
  const opened: unknown = JSON.parse(vault.openSecret(channel.target))
  const { channelId, target } = sealedTarget.parse(opened)
  if (channelId !== channel.channelId) throw new Error('the target is that of another channel')
  return target
}
