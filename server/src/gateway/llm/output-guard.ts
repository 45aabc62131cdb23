// Ends a stream whose output has certainly passed what was reserved for it. Text has at least as
// many bytes as tokens, so nothing is counted before its bytes pass the reservation; and nothing
// waits for the counting.
import { AirworthyError } from '../../core/errors.ts'
import { countTokens, prepareCounting } from './count-tokens.ts'
import { EventSplitter } from './event-splitter.ts'
import { completionBound, type Forwarding } from './forwarding.ts'
import { countPromptAtLeast } from './reserve-prompt.ts'
import type { ModelWire, PartialUsage } from './wire.ts'

/** Tokenizers differ: a count by one that is not the model's must be so far above, in percent. */
const guessedAbovePercent = 150

export class OutputGuard {
  readonly #forwarding: Forwarding
  readonly #wire: ModelWire
  /** The stream as far as it has come. */
  readonly #body: () => Buffer
  readonly #onExceeded: (error: AirworthyError) => void
  readonly #bound: number
  /** Of text, as JSON has it. */
  #textBytes = 0
  /** Where in the text the next count is due. */
  #dueBytes: number
  /** Of the stream: whole events that were taken, and those that were counted. */
  #takenBytes = 0
  #countedBytes = 0
  #tokens = 0
  #isCounting = false
  /** Events with text: no fewer tokens, for those who stream a token at a time. */
  #deltas = 0

  constructor(
    forwarding: Forwarding,
    options: {
      readonly wire: ModelWire
      readonly body: () => Buffer
      readonly onExceeded: (error: AirworthyError) => void
    },
  ) {
    this.#forwarding = forwarding
    this.#wire = options.wire
    this.#body = options.body
    this.#onExceeded = options.onExceeded
    const bound = Number(completionBound(forwarding))
    const tokenizer = forwarding.prepared.model?.tokenizer ?? 'bytes'
    const isGuessed = tokenizer === 'bytes'
    this.#bound = isGuessed ? Math.ceil((bound * guessedAbovePercent) / 100) : bound
    if (!isGuessed) prepareCounting(tokenizer)
    // An observing session goes on.
    const isEnforced = forwarding.input.principal.mode === 'enforce'
    this.#dueBytes = isEnforced ? this.#bound : Infinity
  }

  /** An event that is passed on; `bytes` is its length in the stream. */
  take(event: string, bytes: number): void {
    this.#takenBytes += bytes
    const delta = this.#wire.deltaOf(event)
    if (delta === '') return
    this.#deltas += 1
    this.#textBytes += Buffer.byteLength(delta)
    if (this.#textBytes > this.#dueBytes && !this.#isCounting) void this.#check()
  }

  /** An event without text of its own. */
  skip(bytes: number): void {
    this.#takenBytes += bytes
  }

  async #check(): Promise<void> {
    this.#isCounting = true
    try {
      await this.#count()
    } catch {
      // Without the tokenizer nothing is certain; the reservation still holds what it holds.
      this.#dueBytes = Infinity
      return
    } finally {
      this.#isCounting = false
    }
    if (this.#tokens > this.#bound) {
      const message = `the reply has passed the ${completionBound(this.#forwarding)} tokens held for it`
      this.#onExceeded(new AirworthyError('budget.exceeded', message))
      return
    }
    // As many bytes again are needed, at least, as tokens are left.
    this.#dueBytes = this.#textBytes + (this.#bound - this.#tokens)
  }

  /** Counts what was taken since the last count. */
  async #count(): Promise<void> {
    const { model } = this.#forwarding.prepared
    const [from, to] = [this.#countedBytes, this.#takenBytes]
    if (to <= from) return
    this.#countedBytes = to
    const stream = this.#body().subarray(from, to)
    let text = ''
    for (const event of new EventSplitter().push(stream)) {
      text += unescape(this.#wire.deltaOf(event.toString()))
    }
    const tokenizer =
      model === undefined || model.tokenizer === 'bytes' ? 'o200k_base' : model.tokenizer
    this.#tokens += await countTokens(tokenizer, text)
  }

  /** At least so much was used of a stream that did not end, beside what it told itself. */
  async partial(told: PartialUsage): Promise<PartialUsage> {
    const isExact = this.#forwarding.prepared.model?.tokenizer !== 'bytes'
    let counted = this.#deltas
    if (isExact && !this.#isCounting) {
      await this.#count().catch(() => undefined)
      counted = this.#tokens
    }
    const bound = Number(completionBound(this.#forwarding))
    const prompt = told.promptTokens === 0 && this.#deltas > 0 ? await this.#countPrompt() : 0
    return {
      ...told,
      // How much of it the provider had cached is not known, and at least so much is owed.
      ...(prompt === 0 ? {} : { promptTokens: prompt, cachedTokens: prompt }),
      completionTokens: Math.max(told.completionTokens, Math.min(counted, bound)),
    }
  }

  async #countPrompt(): Promise<number> {
    const { prepared, input } = this.#forwarding
    if (prepared.model === undefined) return 0
    const counted = await countPromptAtLeast(input.request, prepared.model).catch(() => 0)
    return Math.min(counted, Number(prepared.promptTokens))
  }
}

function unescape(text: string): string {
  if (!text.includes('\\')) return text
  try {
    return String(JSON.parse(`"${text}"`))
  } catch {
    return text
  }
}
