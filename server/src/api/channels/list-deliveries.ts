// GET /v1/deliveries
import type { DeliveryPage } from '@airworthy/sdk'
import { z } from 'zod'
import { listDeliveries as readDeliveries } from '../../store/channels/deliveries.ts'
import { defineOperation } from '../operation.ts'
import { id, nextOf, page } from '../schemas.ts'
import { channelName, deliverySchema, presentDelivery, requireChannel } from './channel.ts'

const reply: z.ZodType<DeliveryPage> = z
  .object({ deliveries: z.array(deliverySchema), next: id.nullable() })
  .meta({ id: 'DeliveryPage' })

export const listDeliveries = defineOperation({
  id: 'list-deliveries',
  method: 'GET',
  path: '/v1/deliveries',
  summary: 'List messages to people and how far they have come, the newest first',
  roles: ['operator', 'auditor'],
  query: z.strictObject({
    ...page,
    channel: channelName.exactOptional(),
    subject: id.exactOptional().meta({ description: 'Of the hold, kill, session or proposal.' }),
    state: z.enum(['pending', 'sent', 'dead']).exactOptional(),
  }),
  reply,
  errors: ['channel.unknown'],
  run: async ({ db, organisationId }, { query }) => {
    const { channel, subject, state, after, limit } = query
    const named =
      channel === undefined ? undefined : await requireChannel(db, organisationId, channel)
    const deliveries = await readDeliveries(db, organisationId, {
      channelId: named?.channelId,
      subjectId: subject,
      state,
      before: after,
      limit,
    })
    const ids = deliveries.map(({ deliveryId }) => deliveryId)
    return { deliveries: deliveries.map(presentDelivery), next: nextOf(ids, limit) }
  },
})
