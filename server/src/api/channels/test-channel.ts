// POST /v1/channels/{name}/test
import { randomUUIDv7 } from 'node:crypto'
import type { ChannelTest } from '@airworthy/sdk'
import { z } from 'zod'
import { DeliveryFailure } from '../../adapters/notifier/delivery-failure.ts'
import { buildMessage } from '../../core/channel/message.ts'
import { openTarget } from '../../store/channels/channels.ts'
import { defineOperation } from '../operation.ts'
import { nameParams, requireChannel } from './channel.ts'

const reply: z.ZodType<ChannelTest> = z
  .object({
    name: z.string(),
    results: z.array(
      z.object({
        recipient: z.string(),
        delivered: z.boolean(),
        failure: z.string().nullable(),
        milliseconds: z.number(),
      }),
    ),
  })
  .meta({ id: 'ChannelTest' })

export const testChannel = defineOperation({
  id: 'test-channel',
  method: 'POST',
  path: '/v1/channels/{name}/test',
  summary:
    'Send a message through a channel now, to each of its recipients, and say what came of it',
  roles: ['operator'],
  params: nameParams,
  reply,
  errors: ['channel.unknown'],
  run: async ({ db, organisationId, channels, publicUrl }, { params }) => {
    const channel = await requireChannel(db, organisationId, params.name)
    const target = openTarget(channels.vault, channel)
    const message = buildMessage(
      {
        kind: 'channel.test',
        subject: channel.channelId,
        at: new Date(),
        detail: { channel: channel.name },
        hold: undefined,
      },
      { hidesAmount: channel.hidesAmount, publicUrl: publicUrl() },
    )
    const send = async (recipient: string) => {
      const startedMs = performance.now()
      const failure = await channels.notifier
        .send({
          target,
          recipient,
          deliveryId: randomUUIDv7(),
          threadId: channel.channelId,
          message,
          // The notifier ends an attempt by itself.
          signal: new AbortController().signal,
        })
        .then(() => null, failureText)
      const milliseconds = Math.round(performance.now() - startedMs)
      return { recipient, delivered: failure === null, failure, milliseconds }
    }
    return { name: channel.name, results: await Promise.all(channel.recipients.map(send)) }
  },
})

/** With the words of the receiver: a test has no message of anybody that they could repeat. */
function failureText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const words = thrown instanceof DeliveryFailure ? thrown.words : ''
  return words === '' ? thrown.message : `${thrown.message}: ${words}`
}
