// GET /v1/channels
import type { ChannelList } from '@airworthy/sdk'
import { z } from 'zod'
import { listChannels as readChannels } from '../../store/channels/channels.ts'
import { countDeliveries } from '../../store/channels/deliveries.ts'
import { defineOperation } from '../operation.ts'
import { channelSchema, presentChannel } from './channel.ts'

const reply: z.ZodType<ChannelList> = z
  .object({ channels: z.array(channelSchema) })
  .meta({ id: 'ChannelList' })

export const listChannels = defineOperation({
  id: 'list-channels',
  method: 'GET',
  path: '/v1/channels',
  summary: 'List where people are told, without secrets',
  roles: ['operator', 'auditor'],
  reply,
  errors: [],
  run: async ({ db, organisationId }) => {
    const counts = await countDeliveries(db, organisationId)
    const channels = await readChannels(db, organisationId)
    return { channels: channels.map((each) => presentChannel(each, counts.get(each.channelId))) }
  },
})
