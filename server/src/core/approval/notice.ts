// What people are told of. A notice names what it is about, and leads to it; it holds nobody's data.

export const noticeKinds = [
  'hold.opened',
  'hold.level',
  'hold.reopened',
  'hold.decided',
  'hold.expired',
  'hold.canary_approved',
  'kill.issued',
  'kill.acknowledged',
  'kill.resumed',
  'session.handed_over',
  'proposal.made',
  'escalation.anomaly',
] as const

export type NoticeKind = (typeof noticeKinds)[number]

export type Notice = {
  readonly kind: NoticeKind
  /** The id of the hold, kill, session or proposal. */
  readonly subject: string
  /** Ids and codes. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}
