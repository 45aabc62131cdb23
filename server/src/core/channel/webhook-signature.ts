// Webhooks are signed as Standard Webhooks (www.standardwebhooks.com) says: HMAC-SHA-256 over id, time and
// body, so a receiver that keeps what it saw for five minutes takes no message twice.
import { createHmac } from 'node:crypto'
import type { WebhookSecret } from './target.ts'

const prefix = 'whsec_'
const secretBytesMin = 24
const secretBytesMax = 64

/** What `whsec_<base64>` holds: 24 to 64 bytes. Undefined for other text. */
export function parseWebhookSecret(text: string): Buffer | undefined {
  const encoded = text.startsWith(prefix) ? text.slice(prefix.length) : undefined
  if (encoded === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.length >= secretBytesMin && bytes.length <= secretBytesMax ? bytes : undefined
}

export function formatWebhookSecret(bytes: Buffer): string {
  return `${prefix}${bytes.toString('base64')}`
}

/** The header `webhook-signature`: one signature of each secret, separated by spaces. */
export function signWebhook(
  keys: readonly Buffer[],
  message: { readonly id: string; readonly timestamp: number; readonly body: string },
): string {
  const signed = `${message.id}.${message.timestamp}.${message.body}`
  return keys
    .map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    .join(' ')
}

export const rotationKeptMs: number = 24 * 3600 * 1000

/** The secrets after a rotation: the new one signs, and the ones before it for a day more. */
export function rotateSecrets(
  secrets: readonly WebhookSecret[],
  fresh: string,
  nowMs: number,
): WebhookSecret[] {
  const until = (secret: WebhookSecret): number => secret.untilMs ?? nowMs + rotationKeptMs
  const kept = activeSecrets(secrets, nowMs).slice(0, 3)
  return [
    { secret: fresh, untilMs: null },
    ...kept.map((each) => ({ secret: each.secret, untilMs: until(each) })),
  ]
}

export function activeSecrets(secrets: readonly WebhookSecret[], nowMs: number): WebhookSecret[] {
  return secrets.filter(({ untilMs }) => untilMs === null || untilMs > nowMs)
}
