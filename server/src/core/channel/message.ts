// What people are told, before it takes the shape of a channel. Arguments are never in it; amounts are
// unless the channel hides them.
import type { HoldCard } from '../approval/card.ts'
import type { NoticeKind } from '../approval/notice.ts'
import { amountText } from '../money/asset.ts'
import { plainText } from './plain-text.ts'

export type MessageKind = NoticeKind | 'channel.test'

export type Fact = { readonly label: string; readonly value: string }

export type Message = {
  readonly kind: MessageKind
  /** When it happened: RFC 3339, UTC. */
  readonly at: string
  readonly title: string
  readonly facts: readonly Fact[]
  /** What to type, for who must act. */
  readonly commands: readonly string[]
  readonly url: string
  /** For programs: what `facts` says, as values of JSON. */
  readonly data: Readonly<Record<string, unknown>>
}

export type NoticeToTell = {
  readonly kind: MessageKind
  /** The id of the hold, kill, session or proposal. */
  readonly subject: string
  readonly at: Date
  readonly detail: Readonly<Record<string, unknown>>
  /** Of a hold as it is now; undefined for other notices, and for a hold that is no more. */
  readonly hold: HoldCard | undefined
}

export type MessageOptions = {
  readonly hidesAmount: boolean
  /** Where the server is reached, without a slash at its end. */
  readonly publicUrl: string
}

const titleMax = 140
const valueMax = 300
const factsMax = 20

const titles: Readonly<Record<MessageKind, string>> = {
  'channel.test': 'Airworthy reaches you here',
  'hold.opened': 'A call waits for a person',
  'hold.level': 'A call still waits: the next level is asked',
  'hold.reopened': 'The facts changed: a call must be decided anew',
  'hold.decided': 'A held call was decided',
  'hold.expired': 'A held call expired',
  'hold.canary_approved': 'A canary was approved that should have been refused',
  'kill.issued': 'The kill switch was used',
  'kill.acknowledged': 'The kill switch has taken hold on every gateway',
  'kill.resumed': 'What was killed may run again',
  'session.handed_over': 'A session was handed over to people',
  'proposal.made': 'A change waits for a second person',
  'escalation.anomaly': 'An agent does not behave as it used to',
}

export function buildMessage(notice: NoticeToTell, options: MessageOptions): Message {
  const { kind, subject, hold } = notice
  const common = { kind, at: notice.at.toISOString() }
  if (hold !== undefined) return { ...common, ...ofHold(notice, hold, options) }
  const detail = Object.entries(notice.detail)
    .slice(0, factsMax)
    .map(([name, value]) => fact(labelOf(name), String(value)))
  const { command, path } = whereToLook(kind, subject)
  return {
    ...common,
    title: titles[kind],
    facts: [fact('Id', subject), ...detail],
    commands: [command],
    url: `${options.publicUrl}${path}`,
    data: { ...notice.detail, id: subject },
  }
}

function ofHold(
  notice: NoticeToTell,
  card: HoldCard,
  { hidesAmount, publicUrl }: MessageOptions,
): Omit<Message, 'kind' | 'at'> {
  const { state, counterparty } = card
  const isPending = state === 'pending'
  const outcome = isPending ? '' : `: ${state}`
  const title = `${titles[notice.kind]}${outcome}: ${card.agent}, ${card.action}`
  const amount =
    card.amount === undefined || hidesAmount
      ? []
      : [fact('Amount', amountText(card.amount.minor, card.amount.currency))]
  const why = card.why.map(({ rule, reason }) => (reason === '' ? rule : `${reason} (${rule})`))
  const waiting = [
    fact('Level', `${card.level} of ${card.levels}`),
    fact('Votes', votesText(card)),
    fact('Decide until', card.levelUntil),
    fact('Open until', card.until),
    fact('If nobody decides', card.onExpiry),
  ]
  return {
    title: plainText(title, titleMax),
    facts: [
      fact('Agent', card.agent),
      ...(card.task === '' ? [] : [fact('Task', card.task)]),
      fact('Action', card.action),
      fact('Effect', card.effectClass ?? 'none'),
      ...amount,
      ...(counterparty === undefined ? [] : [fact('Counterparty', counterparty)]),
      fact('Can it be taken back', card.reversibility),
      fact('Why it was held', why.join('; ')),
      ...(isPending ? waiting : [fact('State', state)]),
      fact('Hold', card.holdId),
    ],
    commands: isPending
      ? ['show', 'approve', 'reject'].map((verb) => holdCommand(verb, card))
      : [`airworthy hold show ${card.holdId}`],
    url: `${publicUrl}/v1/holds/${card.holdId}`,
    data: { ...cardData(card, hidesAmount), id: card.holdId },
  }
}

/** A vote about a question that was opened again names its round. */
function holdCommand(verb: string, { holdId, round }: HoldCard): string {
  const command = `airworthy hold ${verb} ${holdId}`
  return verb === 'show' || round === 1 ? command : `${command} --round ${round}`
}

/** Who knows all other facts finds a hidden amount by the hash of them all: it is hidden as well. */
function cardData(card: HoldCard, hidesAmount: boolean): Readonly<Record<string, unknown>> {
  if (!hidesAmount) return card
  const { amount: _, factsHash: __, ...rest } = card
  return rest
}

/** `agentName`: Agent name. */
function labelOf(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}

function votesText({ votesSoFar: { approve, reject }, quorum }: HoldCard): string {
  return `${approve} to approve, ${reject} to reject; ${quorum} that match decide`
}

function fact(label: string, value: string): Fact {
  return { label: plainText(label, 60), value: plainText(value, valueMax) }
}

/** The command that shows it, and its place in the control API. */
function whereToLook(kind: MessageKind, subject: string): { command: string; path: string } {
  if (kind.startsWith('hold.')) {
    return { command: `airworthy hold show ${subject}`, path: `/v1/holds/${subject}` }
  }
  if (kind.startsWith('kill.')) {
    return { command: 'airworthy kill list', path: `/v1/kills/${subject}` }
  }
  if (kind === 'session.handed_over') {
    return { command: 'airworthy handover list', path: `/v1/sessions/${subject}` }
  }
  if (kind === 'proposal.made') {
    const command = `airworthy proposal confirm ${subject}`
    return { command, path: `/v1/proposals/${subject}` }
  }
  if (kind === 'escalation.anomaly') {
    return { command: 'airworthy escalation report', path: '/v1/escalation/report' }
  }
  return { command: 'airworthy channel list', path: '/v1/channels' }
}
