// What the log's formats and proofs refuse. Whoever takes such bytes from outside catches this error
// and answers in the terms of its own wire.

export type TlogReason =
  /** The bytes are not as the format says. */
  | 'malformed'
  /** A size, a count or a length passes a limit of ours. */
  | 'too_large'
  /** An index or a size lies outside the tree. */
  | 'out_of_range'
  /** A key is of an unknown type, of the wrong length, or unsafe. */
  | 'key_invalid'
  /** A tile or a bundle is not as wide as the tree says, or does not hash to the tree's root. */
  | 'tile_invalid'

export class TlogError extends Error {
  override readonly name = 'TlogError'
  readonly reason: TlogReason

  constructor(reason: TlogReason, message: string) {
    super(message)
    this.reason = reason
  }
}

export function malformed(message: string): TlogError {
  return new TlogError('malformed', message)
}
