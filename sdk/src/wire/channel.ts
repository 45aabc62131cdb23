// Where people are told of what waits for them.
export type ChannelKind = 'webhook' | 'slack' | 'teams' | 'email'

export type NoticeKind =
  | 'hold.opened'
  | 'hold.level'
  | 'hold.reopened'
  | 'hold.decided'
  | 'hold.expired'
  | 'hold.canary_approved'
  | 'kill.issued'
  | 'kill.acknowledged'
  | 'kill.resumed'
  | 'session.handed_over'
  | 'proposal.made'
  | 'escalation.anomaly'

/** URLs, secrets and passwords may be `env:NAME`: the value of that variable of the server. */
export type ChannelTarget =
  /** `secret` is `whsec_` and base64 of 24 to 64 bytes; left out, one is made. */
  | { readonly kind: 'webhook'; readonly url: string; readonly secret?: string }
  | { readonly kind: 'slack'; readonly url: string }
  | { readonly kind: 'teams'; readonly url: string }
  | {
      readonly kind: 'email'
      readonly host: string
      /** 587; with implicit TLS 465, without TLS 25. */
      readonly port?: number
      /** `starttls` by default. `none` only at private addresses, and without a password. */
      readonly tls?: 'starttls' | 'implicit' | 'none'
      readonly username?: string
      readonly password?: string
      readonly from: string
      readonly to: readonly string[]
    }

/** POST /v1/channels */
export type AddChannel = {
  readonly name: string
  readonly target: ChannelTarget
  /** All but `hold.decided` by default. */
  readonly kinds?: readonly NoticeKind[]
  /** Names of agents, and of teams (owners of agents). Neither: all. */
  readonly agents?: readonly string[]
  readonly teams?: readonly string[]
  /** Only what is about agents of at least these stakes. */
  readonly stakesMin?: 'low' | 'medium' | 'high'
  readonly hideAmount?: boolean
}

/** POST /v1/channels/{name}/edit. What is left out stays; `agents: []` and `teams: []`: all again. */
export type EditChannel = Partial<Omit<AddChannel, 'target'>>

export type Channel = {
  readonly id: string
  readonly name: string
  readonly kind: ChannelKind
  /** Without its secrets. */
  readonly place: string
  /** E-mail addresses. */
  readonly recipients: readonly string[]
  readonly kinds: readonly NoticeKind[]
  readonly agents: readonly string[]
  readonly teams: readonly string[]
  readonly stakesMin: 'low' | 'medium' | 'high'
  readonly hideAmount: boolean
  readonly createdAt: string
  readonly createdBy: string
  /** How many messages are in which state; those that arrived are forgotten after 30 days. */
  readonly deliveries: {
    readonly pending: number
    readonly sent: number
    readonly dead: number
    /** Those that died in the last seven days. */
    readonly deadLately: number
  }
}

/** `secret` is that of a webhook which the server made; it is shown this once. */
export type AddedChannel = { readonly channel: Channel; readonly secret: string | null }

export type ChannelList = { readonly channels: readonly Channel[] }

export type RemovedChannel = { readonly name: string }

/** POST /v1/channels/{name}/rotate. The former secret signs beside the new one for 24 hours. */
export type RotateChannel = { readonly secret?: string }

export type ChannelTest = {
  readonly name: string
  readonly results: readonly {
    /** An e-mail address; empty for other channels. */
    readonly recipient: string
    readonly delivered: boolean
    /** Why not; null when it was. */
    readonly failure: string | null
    readonly milliseconds: number
  }[]
}

export type DeliveryState = 'pending' | 'sent' | 'dead'

/** One message for one recipient. */
export type Delivery = {
  /** `webhook-id` is `msg_` and this. */
  readonly id: string
  readonly channel: string
  readonly recipient: string
  readonly kind: NoticeKind
  /** Of the hold, kill, session or proposal. */
  readonly subject: string
  /** `dead`: it was tried twelve times over a day, or refused for good. */
  readonly state: DeliveryState
  readonly attempts: number
  /** Of the last attempt. */
  readonly failure: string | null
  readonly noticedAt: string
  /** When it is tried again. */
  readonly nextAt: string | null
  readonly endedAt: string | null
}

export type DeliveryPage = {
  readonly deliveries: readonly Delivery[]
  readonly next: string | null
}
