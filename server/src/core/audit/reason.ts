// Why somebody looked, or asked for a deletion. People write names into reasons, so an entry holds
// only a commitment; the words lie in a row beside the log.
import { createHmac } from 'node:crypto'

export const reasonSaltBytes = 32
export const reasonCharactersMax = 500

/** HMAC-SHA-256(salt, reason), base64url. `salt` is 32 fresh random bytes. */
export function commitReason(salt: Buffer, reason: string): string {
  if (salt.length !== reasonSaltBytes) throw new RangeError('a reason needs a salt of 32 bytes')
  return createHmac('sha256', salt).update(reason).digest('base64url')
}
