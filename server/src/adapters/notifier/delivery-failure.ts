// Why a message was not taken.

export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure'
  /** The same would happen again: it is not tried once more. */
  readonly isPermanent: boolean
  /** What the receiver asked to wait. */
  readonly retryAfterMs: number | undefined

  /** `message` is shown to operators: it holds no secret, and of the receiver's answer a line at most. */
  constructor(
    message: string,
    options: { cause?: unknown; isPermanent?: boolean; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.isPermanent = options.isPermanent ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}
