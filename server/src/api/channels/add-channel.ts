// POST /v1/channels
import { randomBytes } from 'node:crypto'
import type { AddChannel, AddedChannel } from '@airworthy/sdk'
import { z } from 'zod'
import { kindsDefault } from '../../core/channel/filter.ts'
import { formatWebhookSecret } from '../../core/channel/webhook-signature.ts'
import { AirworthyError } from '../../core/errors.ts'
import { addChannel as storeChannel, channelsMax } from '../../store/channels/channels.ts'
import { defineOperation } from '../operation.ts'
import {
  channelName,
  channelSchema,
  filterFields,
  namesOfAgents,
  showOne,
  storedTarget,
  targetSchema,
} from './channel.ts'

export const secretBytes = 32

const body: z.ZodType<AddChannel> = z
  .strictObject({
    name: channelName,
    target: targetSchema,
    ...filterFields,
  })
  .meta({ id: 'AddChannel' })

export const addedSchema: z.ZodType<AddedChannel> = z
  .object({
    channel: channelSchema,
    secret: z.string().nullable().meta({
      description: 'What a webhook is signed with, where the server made it; shown this once.',
    }),
  })
  .meta({ id: 'AddedChannel' })

export const addChannel = defineOperation({
  id: 'add-channel',
  method: 'POST',
  path: '/v1/channels',
  summary: 'Add a place where people are told of what waits for them',
  roles: ['operator'],
  body,
  reply: addedSchema,
  errors: ['agent.unknown', 'channel.exists', 'channel.too_many', 'upstream.address_forbidden'],
  run: async ({ db, organisationId, operator, channels }, { body: request }) => {
    const { name, target } = request
    const isMade = target.kind === 'webhook' && target.secret === undefined
    const secret = formatWebhookSecret(randomBytes(secretBytes))
    const stored = storedTarget(target, secret)
    await channels.notifier.check(stored)
    const agents = await namesOfAgents(db, organisationId, request.agents ?? [])
    const added = await storeChannel(db, organisationId, {
      vault: channels.vault,
      channel: {
        name,
        target: stored,
        filter: {
          kinds: request.kinds ?? kindsDefault,
          agents,
          teams: request.teams ?? [],
          stakesMin: request.stakesMin ?? 'low',
        },
        hidesAmount: request.hideAmount ?? false,
        operatorId: operator.operatorId,
      },
    })
    if (added.kind === 'exists') {
      throw new AirworthyError('channel.exists', `there is a channel ${name}`)
    }
    if (added.kind === 'too_many') {
      throw new AirworthyError('channel.too_many', `there are ${channelsMax} channels already`)
    }
    const channel = await showOne(db, organisationId, name)
    return { channel, secret: isMade ? secret : null }
  },
})
