// Where a channel sends to, whole: it holds secrets, and is stored sealed. A secret, a URL too, may be
// `env:NAME`: the value of that variable of the server, read each time it is used.
import { z } from 'zod'

export const channelKinds = ['webhook', 'slack', 'teams', 'email'] as const
export type ChannelKind = (typeof channelKinds)[number]

const secretText = z.string().min(1).max(2048)
/** Of one address; those of an organisation's people, never more than a list. */
export const recipientsMax = 10

/**
 * ASCII, as RFC 5321 has it without quotes and comments. What could end a header or a command of SMTP
 * is no part of it.
 */
export const emailAddress = z
  .string()
  .max(254)
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/,
    {
      error: 'expected an address such as approvals@example.com',
    },
  )

export const hostName = z
  .string()
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-fA-F:]{2,45})$/, {
    error: 'expected a host name or an address',
  })

const webhookSecret = z.object({
  secret: secretText,
  /** After that it signs no more; null: it does until another takes its place. */
  untilMs: z.number().nullable(),
})

const webhook = z.object({
  kind: z.literal('webhook'),
  url: secretText,
  /** The newest first: each signs every message, so that receivers can change over. */
  secrets: z.array(webhookSecret).min(1).max(4),
})

const slack = z.object({ kind: z.literal('slack'), url: secretText })
const teams = z.object({ kind: z.literal('teams'), url: secretText })

const email = z.object({
  kind: z.literal('email'),
  host: hostName,
  port: z.int().min(1).max(65_535),
  /** `none` only where nothing public is reached, and without a password. */
  tls: z.enum(['starttls', 'implicit', 'none']),
  username: z.string().min(1).max(254).optional(),
  password: secretText.optional(),
  from: emailAddress,
  to: z.array(emailAddress).min(1).max(recipientsMax),
})

export const targetSchema = z.discriminatedUnion('kind', [webhook, slack, teams, email])

export type ChannelTarget = z.infer<typeof targetSchema>
export type EmailTarget = z.infer<typeof email>
export type WebhookSecret = z.infer<typeof webhookSecret>

/** What may be shown of a target to whoever may look at channels. */
export function shownPlace(target: ChannelTarget): string {
  if (target.kind === 'email') {
    const { host, port, tls } = target
    return `${tls === 'implicit' ? 'smtps' : 'smtp'}://${host}:${port}`
  }
  if (isReference(target.url)) return target.url
  // The path is often the password: of Slack's and Teams' URLs, and of many a webhook's.
  return `${new URL(target.url).origin}/...`
}

/** Each gets a delivery of its own, so that one that fails does not stop the others. */
export function recipientsOf(target: ChannelTarget): readonly string[] {
  return target.kind === 'email' ? target.to : ['']
}

const reference = /^env:([A-Za-z_][A-Za-z0-9_]{0,127})$/

/** Whether the text names a variable and is not the secret itself. */
export function isReference(text: string): boolean {
  return reference.test(text)
}

/** The secret that a text is, or names. Undefined where there is no such variable. */
export function resolveSecret(
  text: string,
  secretOf: (name: string) => string | undefined,
): string | undefined {
  const name = reference.exec(text)?.[1]
  return name === undefined ? text : secretOf(name)
}

/** Why a URL is none that may be posted to; undefined when it is one. */
export function urlProblem(text: string): string | undefined {
  if (isReference(text)) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return 'expected an https:// URL, or env:NAME'
  }
  if (url.username !== '' || url.password !== '') return 'a URL must hold no user and no password'
  return url.hash === '' ? undefined : 'a URL that is posted to has no fragment'
}
