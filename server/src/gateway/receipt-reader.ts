// What the log proves of calls; main.ts makes it.
import type { Receipt } from '@airworthy/sdk'
import type { CallRow } from '../store/calls/calls.ts'

export type ReceiptReader = {
  readonly receipt: (call: CallRow) => Promise<Receipt>
  /** The C2SP .tlog-proof file. Throws `log.not_published`. */
  readonly proofFile: (call: CallRow, of: 'intent' | 'outcome' | undefined) => Promise<string>
}
