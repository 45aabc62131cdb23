// A stream for a Chat Completions client.
import type { StreamStep, StreamWriter, TranslationContext } from '../conversation.ts'
import { member, textMember } from '../read-json.ts'
import { finishReasons } from './reply.ts'
import { writeChatUsage } from './usage.ts'

const fieldOf = { text: 'content', refusal: 'refusal', reasoning: 'reasoning_content' } as const

export function createChatWriter(context: TranslationContext): StreamWriter {
  const writer = new ChatWriter(context)
  return { write: (step) => writer.write(step) }
}

class ChatWriter {
  readonly #context: TranslationContext
  readonly #wantsUsage: boolean
  /** All of a chunk before its choices. */
  #head = ''
  /** What comes before and after the text of a delta in the open block; empty: nothing is said. */
  #before = ''
  #after = ''
  #calls = 0

  constructor(context: TranslationContext) {
    this.#context = context
    const options = member(context.body, 'stream_options')
    this.#wantsUsage = member(options, 'include_usage') === true
  }

  write(step: StreamStep): string {
    switch (step.kind) {
      case 'start':
        this.#start(step)
        return this.#chunk({ role: 'assistant', content: '', refusal: null })
      case 'open':
        return this.#open(step)
      case 'delta':
        if (this.#before === '') return ''
        return `${this.#before}${JSON.stringify(step.text)}${this.#after}`
      case 'end':
        return this.#end(step)
      case 'signature':
      case 'close':
        break
    }
    // Nothing of this wire says that.
    return ''
  }

  #start(step: StreamStep & { kind: 'start' }): void {
    const { id, createdAt, body } = this.#context
    const head = JSON.stringify({
      id: step.id ?? id,
      object: 'chat.completion.chunk',
      created: createdAt,
      model: step.model ?? textMember(body, 'model') ?? '',
    })
    this.#head = `data: ${head.slice(0, -1)},"choices":`
  }

  #chunk(delta: object, finish: string | null = null): string {
    const choice = { index: 0, delta, logprobs: null, finish_reason: finish }
    return `${this.#head}[${JSON.stringify(choice)}]}\n\n`
  }

  #open({ head }: StreamStep & { kind: 'open' }): string {
    this.#after = '},"logprobs":null,"finish_reason":null}]}\n\n'
    this.#before = ''
    // A redacted thought is for Anthropic alone.
    if (head.type === 'redacted') return ''
    if (head.type !== 'tool_call') {
      this.#before = `${this.#head}[{"index":0,"delta":{"${fieldOf[head.type]}":`
      return ''
    }
    const index = this.#calls++
    this.#before = `${this.#head}[{"index":0,"delta":{"tool_calls":[{"index":${index},"function":{"arguments":`
    this.#after = `}}]${this.#after}`
    const called = { name: head.name, arguments: '' }
    return this.#chunk({ tool_calls: [{ index, id: head.id, type: 'function', function: called }] })
  }

  #end({ stop, usage }: StreamStep & { kind: 'end' }): string {
    const last = this.#chunk({}, finishReasons[stop])
    const isTold = this.#wantsUsage && usage !== undefined
    const told = isTold
      ? `${this.#head}[],"usage":${JSON.stringify(writeChatUsage(usage))}}\n\n`
      : ''
    return `${last}${told}data: [DONE]\n\n`
  }
}
