// GET /v1/channels/{name}
import { defineOperation } from '../operation.ts'
import { channelSchema, nameParams, showOne } from './channel.ts'

export const showChannel = defineOperation({
  id: 'show-channel',
  method: 'GET',
  path: '/v1/channels/{name}',
  summary: 'Show a channel, without its secrets',
  roles: ['operator', 'auditor'],
  params: nameParams,
  reply: channelSchema,
  errors: ['channel.unknown'],
  run: ({ db, organisationId }, { params }) => showOne(db, organisationId, params.name),
})
