// Brings one message to one channel, once.
import { formatEmail } from '../../core/channel/email.ts'
import type { Message } from '../../core/channel/message.ts'
import { slackBody } from '../../core/channel/slack.ts'
import { type ChannelTarget, resolveSecret, urlProblem } from '../../core/channel/target.ts'
import { teamsBody } from '../../core/channel/teams.ts'
import {
  activeSecrets,
  parseWebhookSecret,
  signWebhook,
} from '../../core/channel/webhook-signature.ts'
import { addressPolicy } from '../../core/network/address-policy.ts'
import { AirworthyError } from '../../core/errors.ts'
import { DeliveryFailure } from './delivery-failure.ts'
import { checkedAddresses, type Reach } from './reach.ts'
import { postJson } from './post-json.ts'
import { sendEmail } from './send-email.ts'

const deliveryTimeoutMs = 15_000

export type Dispatch = {
  readonly target: ChannelTarget
  /** An e-mail address; empty for other channels. */
  readonly recipient: string
  /** Stays the same when it is sent again. */
  readonly deliveryId: string
  /** What messages of one hold have in common. */
  readonly threadId: string
  readonly message: Message
  readonly signal: AbortSignal
}

export type Notifier = {
  /** Resolves when the receiver has taken the message. Throws `DeliveryFailure`. */
  readonly send: (dispatch: Dispatch) => Promise<void>
  /** Throws `upstream.address_forbidden`. A name that cannot be resolved now may be later. */
  readonly check: (target: ChannelTarget) => Promise<void>
}

export type NotifierOptions = Reach & {
  /** The value of a variable that a target names. */
  readonly secretOf: (name: string) => string | undefined
}

/** Throws `manifest.invalid` for an entry of `allowPrivate` that cannot be read. */
export function createNotifier(options: NotifierOptions): Notifier {
  addressPolicy(options)
  return {
    send: (dispatch) => send(options, dispatch),
    check: (target) => check(options, target),
  }
}

async function send(options: NotifierOptions, dispatch: Dispatch): Promise<void> {
  const signal = AbortSignal.any([dispatch.signal, AbortSignal.timeout(deliveryTimeoutMs)])
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(new DeliveryFailure('the receiver did not answer in time'))
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    // A name server that does not answer cannot be cancelled: nobody waits for it any longer.
    await Promise.race([dispatchOnce(options, { ...dispatch, signal }), aborted])
  } catch (thrown) {
    throw failureOf(thrown, signal)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function dispatchOnce(options: NotifierOptions, dispatch: Dispatch): Promise<void> {
  const { target, message, recipient, deliveryId, threadId, signal } = dispatch
  if (target.kind === 'email') {
    const { from, password } = target
    await sendEmail({
      target,
      to: recipient,
      password: password === undefined ? undefined : secret(options, password),
      text: formatEmail(message, { from, to: recipient, messageId: deliveryId, threadId }),
      reach: options,
      signal,
    })
    return
  }
  const url = secret(options, target.url)
  const problem = urlProblem(url)
  if (problem !== undefined) throw new DeliveryFailure(`the channel's URL: ${problem}`)
  await postJson({ url, ...contentOf(options, dispatch), reach: options, signal })
}

function contentOf(
  options: NotifierOptions,
  { target, message, deliveryId }: Dispatch,
): { readonly body: string; readonly headers?: Readonly<Record<string, string>> } {
  if (target.kind === 'slack') return { body: JSON.stringify(slackBody(message)) }
  if (target.kind === 'teams') return { body: JSON.stringify(teamsBody(message)) }
  if (target.kind === 'email') throw new Error('an e-mail is not posted')
  const { kind, at, data } = message
  const body = JSON.stringify({ type: kind, timestamp: at, data: { ...data, url: message.url } })
  const nowMs = Date.now()
  const keys = activeSecrets(target.secrets, nowMs).map((each) => {
    const key = parseWebhookSecret(secret(options, each.secret))
    if (key === undefined) throw new DeliveryFailure('a secret of the webhook cannot be read')
    return key
  })
  const id = `msg_${deliveryId}`
  const timestamp = Math.floor(nowMs / 1000)
  return {
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signWebhook(keys, { id, timestamp, body }),
    },
  }
}

function secret(options: NotifierOptions, text: string): string {
  const value = resolveSecret(text, options.secretOf)
  if (value !== undefined) return value
  throw new DeliveryFailure(`the server has no variable ${text.slice('env:'.length)}`)
}

async function check(options: NotifierOptions, target: ChannelTarget): Promise<void> {
  if (target.kind === 'email') {
    await reachable(options, { host: target.host, privateOnly: target.tls === 'none' })
    return
  }
  const text = resolveSecret(target.url, options.secretOf)
  if (text === undefined || !URL.canParse(text)) return
  const url = new URL(text)
  await reachable(options, { host: url.hostname, privateOnly: url.protocol === 'http:' })
}

async function reachable(
  options: NotifierOptions,
  target: { readonly host: string; readonly privateOnly: boolean },
): Promise<void> {
  await checkedAddresses(options, target).catch((thrown: unknown) => {
    if (thrown instanceof AirworthyError) throw thrown
  })
}

function failureOf(thrown: unknown, signal: AbortSignal): unknown {
  if (thrown instanceof DeliveryFailure) return thrown
  if (signal.aborted) return new DeliveryFailure('the receiver did not answer in time')
  if (!(thrown instanceof Error)) return new DeliveryFailure('it could not be sent')
  return new DeliveryFailure(thrown.message, { cause: thrown })
}
