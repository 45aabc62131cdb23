// POST /v1/channels/{name}/remove
import type { RemovedChannel } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { removeChannel as storeRemoved } from '../../store/channels/channels.ts'
import { defineOperation } from '../operation.ts'
import { nameParams } from './channel.ts'

const reply: z.ZodType<RemovedChannel> = z
  .object({ name: z.string() })
  .meta({ id: 'RemovedChannel' })

export const removeChannel = defineOperation({
  id: 'remove-channel',
  method: 'POST',
  path: '/v1/channels/{name}/remove',
  summary: 'Remove a channel: what waits to be sent there is sent no more',
  roles: ['operator'],
  params: nameParams,
  reply,
  errors: ['channel.unknown'],
  run: async ({ db, organisationId, operator }, { params }) => {
    const { name } = params
    const command = { name, operatorId: operator.operatorId }
    if (!(await storeRemoved(db, organisationId, command))) {
      throw new AirworthyError('channel.unknown', `there is no channel ${name}`)
    }
    return { name }
  },
})
