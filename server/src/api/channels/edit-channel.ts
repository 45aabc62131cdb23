// POST /v1/channels/{name}/edit
import type { EditChannel } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { editChannel as storeEdited } from '../../store/channels/channels.ts'
import { defineOperation } from '../operation.ts'
import {
  channelName,
  channelSchema,
  filterFields,
  nameParams,
  namesOfAgents,
  showOne,
} from './channel.ts'

const body: z.ZodType<EditChannel> = z
  .strictObject({ name: channelName.exactOptional(), ...filterFields })
  .refine((fields) => Object.keys(fields).length > 0, { error: 'expected what is to change' })
  .meta({ id: 'EditChannel' })

export const editChannel = defineOperation({
  id: 'edit-channel',
  method: 'POST',
  path: '/v1/channels/{name}/edit',
  summary: 'Change what a channel is called, and what it sends about whom',
  roles: ['operator'],
  params: nameParams,
  body,
  reply: channelSchema,
  errors: ['agent.unknown', 'channel.exists', 'channel.unknown'],
  run: async ({ db, organisationId, operator }, { params, body: request }) => {
    const { kinds, agents, teams, stakesMin, hideAmount } = request
    const named = agents === undefined ? undefined : await namesOfAgents(db, organisationId, agents)
    const name = request.name ?? params.name
    const edited = await storeEdited(db, organisationId, {
      name: params.name,
      operatorId: operator.operatorId,
      change: {
        name,
        filter: {
          ...(kinds === undefined ? {} : { kinds }),
          ...(named === undefined ? {} : { agents: named }),
          ...(teams === undefined ? {} : { teams }),
          ...(stakesMin === undefined ? {} : { stakesMin }),
        },
        hidesAmount: hideAmount,
      },
    })
    if (edited === 'unknown') {
      throw new AirworthyError('channel.unknown', `there is no channel ${params.name}`)
    }
    if (edited === 'exists') {
      throw new AirworthyError('channel.exists', `there is a channel ${name}`)
    }
    return showOne(db, organisationId, name)
  },
})
