// Why a message was not taken.

export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure'
  /** The same would happen again: it is not tried once more. */
  readonly isPermanent: boolean
  /** What the receiver asked to wait. */
  readonly retryAfterMs: number | undefined
  /**
   * What the receiver said, a line at most. It may repeat the message, or where it was sent to: it is
   * for who waits for a test, and neither stored nor logged.
   */
  readonly words: string

  /** `message` is stored and logged: it holds no secret, and nothing of a message. */
  constructor(
    message: string,
    options: {
      cause?: unknown
      isPermanent?: boolean
      retryAfterMs?: number | undefined
      words?: string
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.isPermanent = options.isPermanent ?? false
    this.retryAfterMs = options.retryAfterMs
    this.words = options.words ?? ''
  }
}
