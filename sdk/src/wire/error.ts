/** The body of every refusal of the control API and of the gateway's own wires. */
export type ErrorBody = {
  readonly error: {
    /** Stable dotted code, e.g. `budget.exceeded`. A page per code explains it. */
    readonly code: string
    readonly message: string
    /** OpenAI clients read `type`; Airworthy always answers `airworthy_error`. */
    readonly type: 'airworthy_error'
    readonly detail?: Readonly<Record<string, unknown>>
    /** Where the page of the code is. */
    readonly page: string
  }
}

/** Header names that Airworthy adds to requests and replies. */
export const headers = {
  /** Carries the session key where the path does not. */
  session: 'airworthy-session',
  /** The call's id, on every reply of the gateway. */
  call: 'airworthy-call',
  /** The intent's receipt, `<log id>:<seq>:<sha-256 of the entry, base64url>`. */
  receipt: 'airworthy-receipt',
  /** `allow`, `hold` or `deny`; in observe mode `would-hold` or `would-deny`. */
  decision: 'airworthy-decision',
  /** The endpoint of the model that answered, as the manifest names it. */
  endpoint: 'airworthy-endpoint',
  /** How many attempts a model call took, the first one included. */
  attempts: 'airworthy-attempts',
  /** Of a request: a word that rules of routing may ask about. */
  label: 'airworthy-label',
  /** The model that was asked, where it is another one than the client named. */
  model: 'airworthy-model',
  /** `hit` or `semantic` where a cache answered, `miss` or `shadow` where it could have. */
  cache: 'airworthy-cache',
  /** What the call has cost, in nano-USD; not on a stream, which ends after its headers. */
  cost: 'airworthy-cost-nano-usd',
} as const
