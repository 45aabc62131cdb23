// POST /v1/deliveries/{id}/retry
import { AirworthyError } from '../../core/errors.ts'
import { listDeliveries, retryDelivery as storeRetry } from '../../store/channels/deliveries.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { deliverySchema, presentDelivery } from './channel.ts'

export const retryDelivery = defineOperation({
  id: 'retry-delivery',
  method: 'POST',
  path: '/v1/deliveries/{id}/retry',
  summary: 'Send a dead message again, with all attempts before it',
  roles: ['operator'],
  params: idParams,
  reply: deliverySchema,
  errors: ['delivery.unknown', 'delivery.not_dead'],
  run: async ({ db, organisationId }, { params }) => {
    const isRetried = await storeRetry(db, organisationId, params.id)
    const one = { deliveryId: params.id, limit: 1 }
    const [delivery] = await listDeliveries(db, organisationId, one)
    if (delivery === undefined) {
      throw new AirworthyError('delivery.unknown', `there is no message ${params.id}`)
    }
    if (isRetried) return presentDelivery(delivery)
    const why = delivery.state === 'dead' ? 'its channel is removed' : `it is ${delivery.state}`
    throw new AirworthyError('delivery.not_dead', `the message is not sent again: ${why}`)
  },
})
