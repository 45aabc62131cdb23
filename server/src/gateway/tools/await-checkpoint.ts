// A contract can ask that a call goes out only when its intent is in a signed checkpoint, cosigned if
// the policy wants that: then nobody here can pretend later that it was never asked for.
import { AirworthyError } from '../../core/errors.ts'
import type { Gateway } from '../gateway.ts'

/** A checkpoint comes every second. Longer than this a call does not wait: it fails instead. */
const waitMsMax = 10_000
const receiptPattern = /^(\d+):(\d+):/

/** What the call fails with; undefined when it may go out. Nothing was sent either way. */
export async function awaitCheckpoint(
  gateway: Pick<Gateway, 'checkpoints'>,
  call: { readonly waitFor: 'checkpoint' | undefined; readonly receipt: string },
): Promise<{ readonly kind: 'failed'; readonly error: AirworthyError } | undefined> {
  if (call.waitFor === undefined) return undefined
  const [, logId = '', seq = ''] = receiptPattern.exec(call.receipt) ?? []
  const place = { logId, index: Number(seq), timeoutMs: waitMsMax }
  const isPublished = logId !== '' && (await gateway.checkpoints.wait(place).catch(() => false))
  if (isPublished) return undefined
  const message = 'no signed checkpoint has the intent of the call yet, so it was not made'
  return { kind: 'failed', error: new AirworthyError('log.not_published', message) }
}
