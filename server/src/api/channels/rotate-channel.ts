// POST /v1/channels/{name}/rotate
import { randomBytes } from 'node:crypto'
import type { RotateChannel } from '@airworthy/sdk'
import { z } from 'zod'
import { formatWebhookSecret, rotateSecrets } from '../../core/channel/webhook-signature.ts'
import { AirworthyError } from '../../core/errors.ts'
import { changeTarget } from '../../store/channels/channels.ts'
import { defineOperation } from '../operation.ts'
import { addedSchema, secretBytes } from './add-channel.ts'
import { nameParams, requireChannel, showOne, webhookSecret } from './channel.ts'

const body: z.ZodType<RotateChannel> = z
  .strictObject({ secret: webhookSecret.exactOptional() })
  .meta({ id: 'RotateChannel' })

export const rotateChannel = defineOperation({
  id: 'rotate-channel',
  method: 'POST',
  path: '/v1/channels/{name}/rotate',
  summary: 'Give a webhook a new secret; the one before it signs as well for 24 hours more',
  roles: ['operator'],
  params: nameParams,
  body,
  reply: addedSchema,
  errors: ['channel.unknown'],
  run: async ({ db, organisationId, operator, channels }, { params, body: request }) => {
    const { name } = params
    const fresh = request.secret ?? formatWebhookSecret(randomBytes(secretBytes))
    const { kind } = await requireChannel(db, organisationId, name)
    if (kind !== 'webhook') {
      throw new AirworthyError('request.invalid', `${name} is no webhook, so nothing is signed`)
    }
    const isChanged = await changeTarget(db, organisationId, {
      vault: channels.vault,
      name,
      operatorId: operator.operatorId,
      change: (target, nowMs) =>
        target.kind === 'webhook'
          ? { ...target, secrets: rotateSecrets(target.secrets, fresh, nowMs) }
          : target,
    })
    if (!isChanged) throw new AirworthyError('channel.unknown', `there is no channel ${name}`)
    const channel = await showOne(db, organisationId, name)
    return { channel, secret: request.secret === undefined ? fresh : null }
  },
})
