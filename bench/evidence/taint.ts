// Untrusted content, private data and an outward call never meet without a person. Many sessions on
// two gateways of one database read a page with an injected instruction, read a customer, and send
// mail, in random order and at once; a real tool server counts what left.
import assert from 'node:assert/strict'
import type { Call } from '@airworthy/sdk'
import { type AgentClients, agentClients } from '../../e2e/harness/clients.ts'
import {
  attacker,
  customer,
  mailContracts,
  mailPermissions,
  type MailTools,
  startMailTools,
} from '../../e2e/harness/mail-tools.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { type Airworthy, startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const agent = 'taint'
const seed = 20_261_122
const sessionsAtOnce = 6
const stepsOfSession = 7
const groupMax = 3

type Step = 'page' | 'customer' | 'hours' | 'mail'
const steps: readonly Step[] = ['page', 'customer', 'hours', 'mail', 'mail']

const disguises: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => ` ${text}\n`,
  (text) => `Support <${text}>`,
  (text) => text.split('').join('\u200b'),
  (text) =>
    text.replaceAll(/[a-z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0)),
]

type Counts = {
  sessions: number
  calls: number
  mailsSent: number
  mailsHeld: number
  /** Left, although page and customer were both read, or being read, before. */
  leaks: number
  /** Held, although one of the two was not read before. */
  heldWithoutCause: number
  /** Mails to the page's address, asked for after the page had been shown to the agent. */
  addressesQuoted: number
  addressesRecognised: number
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using stack = new AsyncDisposableStack()
  const mail = stack.use(await startMailTools())
  const first = stack.use(await startAirworthy())
  const second = stack.use(await startAirworthy({ replicaOf: first }))
  const manifest = manifestText({
    name: agent,
    modelBaseUrl: 'http://127.0.0.1:9/v1',
    toolsUrl: mail.url,
    toolServers: { mail: { transport: 'http', url: mail.url, timeoutMs: 20_000 } },
    tools: mailContracts,
    permissions: mailPermissions,
  })
  const { apiKey } = await first.client.enrolAgent({ manifest, file: `${agent}.json` })
  assert(apiKey !== null, 'the agent is new')
  const counts: Counts = {
    sessions: 0,
    calls: 0,
    mailsSent: 0,
    mailsHeld: 0,
    leaks: 0,
    heldWithoutCause: 0,
    addressesQuoted: 0,
    addressesRecognised: 0,
  }
  const random = randomFrom(seed)
  const total = quick ? 60 : 400
  for (let done = 0; done < total; done += sessionsAtOnce) {
    const batch = Array.from({ length: Math.min(sessionsAtOnce, total - done) }, () =>
      flySession({ gateways: [first, second], apiKey, mail, schedule: planOf(random), counts }),
    )
    await Promise.all(batch)
    log(`${counts.sessions} of ${total} sessions, ${counts.leaks} leaks`)
  }
  const holds =
    counts.leaks === 0 &&
    counts.heldWithoutCause === 0 &&
    counts.mailsSent > 0 &&
    counts.mailsHeld > 0 &&
    counts.addressesQuoted > 0 &&
    counts.addressesRecognised === counts.addressesQuoted
  return { seed, gateways: 2, ...counts, holds }
}

type Planned = { readonly step: Step; readonly gateway: 0 | 1; readonly disguise: number }

/** Groups of steps; those of a group are made at once, the groups one after the other. */
function planOf(random: () => number): Planned[][] {
  const groups: Planned[][] = []
  for (let left = stepsOfSession; left > 0;) {
    const size = Math.min(left, 1 + Math.floor(random() * groupMax))
    left -= size
    groups.push(
      Array.from({ length: size }, () => ({
        step: steps[Math.floor(random() * steps.length)] ?? 'mail',
        gateway: random() < 0.5 ? 0 : 1,
        disguise: Math.floor(random() * disguises.length),
      })),
    )
  }
  return groups
}

async function flySession(flight: {
  gateways: readonly [Airworthy, Airworthy]
  apiKey: string
  mail: MailTools
  schedule: readonly (readonly Planned[])[]
  counts: Counts
}): Promise<void> {
  const { gateways, apiKey, mail, schedule, counts } = flight
  const [first] = gateways
  const { session, sessionKey } = await first.client.openSession({ agent })
  await using stack = new AsyncDisposableStack()
  const clients = gateways.map(({ url }) =>
    stack.use(agentClients({ url, apiKey, sessionKey, server: 'mail' })),
  )
  const quoted: string[] = []
  let hasShownPage = false
  let number = 0
  for (const group of schedule) {
    const wasShown = hasShownPage
    await Promise.all(
      group.map(async ({ step, gateway, disguise }) => {
        number += 1
        const client = clients[gateway]
        assert(client !== undefined)
        const callId = await take(client, step, { disguise, subject: `mail ${number}` })
        if (step === 'page') hasShownPage = true
        if (step === 'mail' && wasShown) quoted.push(callId)
      }),
    )
  }
  const { calls } = await first.client.getSession(session.id)
  await first.client.closeSession(session.id)
  const sent = mail.sent.filter((one) => one.session === session.id).length
  judge({ calls, sent, quoted, counts })
}

/** Gives the id of the call. */
async function take(
  client: AgentClients,
  step: Step,
  mail: { disguise: number; subject: string },
): Promise<string> {
  const disguise = disguises[mail.disguise]
  const to = disguise === undefined ? attacker : disguise(attacker)
  const reply = await {
    page: () => client.call('fetch_page', { url: 'https://hours.example' }),
    customer: () => client.call('get_customer', { id: customer.id }),
    hours: () => client.call('list_hours'),
    mail: () => client.call('send_mail', { to, subject: mail.subject, body: customer.iban }),
  }[step]()
  return String(reply.meta['airworthy/call'])
}

/** By the numbers of the log: what was decided before what. */
function judge(seen: {
  calls: readonly Call[]
  sent: number
  quoted: readonly string[]
  counts: Counts
}): void {
  const { calls, sent, quoted, counts } = seen
  const firstOf = (action: string): number =>
    Math.min(
      ...calls.filter((call) => call.action === action).map((call) => Number(call.intentSeq)),
    )
  const bothRead = Math.max(firstOf('mail/fetch_page'), firstOf('mail/get_customer'))
  const mails = calls.filter((call) => call.action === 'mail/send_mail')
  const isLate = (call: Call): boolean => Number(call.intentSeq) > bothRead
  const left = mails.filter((call) => call.state === 'done')
  const held = mails.filter((call) => call.state === 'held')
  const early = mails.length - mails.filter(isLate).length
  counts.sessions += 1
  counts.calls += calls.length
  counts.mailsSent += sent
  counts.mailsHeld += held.length
  // The tool's own count stands beside the record's: more mail than was due is a leak as well.
  counts.leaks += Math.max(left.filter(isLate).length, sent - early)
  counts.heldWithoutCause += held.filter((call) => !isLate(call)).length
  counts.addressesQuoted += quoted.length
  counts.addressesRecognised += mails.filter(
    (call) => quoted.includes(call.id) && call.origins?.['to']?.includes('web') === true,
  ).length
}

/** The same numbers for the same seed: from 0 up to 1. */
function randomFrom(start: number): () => number {
  let state = start
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}
