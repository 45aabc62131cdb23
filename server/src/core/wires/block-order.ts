// Brings the blocks of a stream one after another. Chat Completions may send fragments of several
// tool calls in turn and never says that a block is complete; Messages wants each block opened,
// filled and closed before the next one opens.
import { AirworthyError } from '../errors.ts'
import type { BlockHead, StreamStep } from './conversation.ts'

/** Characters of blocks that wait for their turn. */
const waitingMax = 8 * 1024 * 1024

type Waiting = { readonly block: number; readonly head: BlockHead; text: string }

export class BlockOrder {
  #open: { readonly block: number; readonly head: BlockHead } | undefined
  /** What the open tool call has of its arguments. */
  #argumentsSoFar = ''
  #waiting: Waiting[] = []
  #waitingLength = 0

  /** Throws `upstream.invalid` when too much waits. */
  push(step: StreamStep): readonly StreamStep[] {
    switch (step.kind) {
      case 'start':
        return [step]
      case 'open':
        return this.#takeOpen(step)
      case 'delta':
        return this.#takeDelta(step)
      case 'signature':
        return this.#open?.block === step.block ? [step] : []
      case 'close':
        return this.#open?.block === step.block ? [...this.#close(), ...this.#advance()] : []
      case 'end':
        break
    }
    return [...this.#flush(), step]
  }

  #takeOpen(step: StreamStep & { kind: 'open' }): readonly StreamStep[] {
    if (this.#waiting.length === 0 && this.#isDone()) {
      const closing = this.#close()
      this.#begin(step)
      return [...closing, step]
    }
    this.#waiting.push({ block: step.block, head: step.head, text: '' })
    return []
  }

  #takeDelta(step: StreamStep & { kind: 'delta' }): readonly StreamStep[] {
    const open = this.#open
    if (open?.block === step.block) {
      if (open.head.type === 'tool_call') this.#argumentsSoFar += step.text
      if (this.#waiting.length === 0) return [step]
      return [step, ...this.#advance()]
    }
    const waiting = this.#waiting.find(({ block }) => block === step.block)
    if (waiting === undefined) {
      throw new AirworthyError(
        'upstream.invalid',
        'the upstream went on with a block that was over',
      )
    }
    waiting.text += step.text
    this.#waitingLength += step.text.length
    if (this.#waitingLength > waitingMax) {
      throw new AirworthyError('upstream.invalid', 'too many fragments of tool calls wait')
    }
    return []
  }

  #begin({ block, head }: { readonly block: number; readonly head: BlockHead }): void {
    this.#open = { block, head }
    this.#argumentsSoFar = ''
  }

  #close(): readonly StreamStep[] {
    const open = this.#open
    this.#open = undefined
    return open === undefined ? [] : [{ kind: 'close', block: open.block }]
  }

  /** True when nothing can follow in the open block: no block, a text, or a whole JSON object. */
  #isDone(): boolean {
    if (this.#open?.head.type !== 'tool_call') return true
    if (!this.#argumentsSoFar.trimEnd().endsWith('}')) return false
    try {
      JSON.parse(this.#argumentsSoFar)
      return true
    } catch {
      return false
    }
  }

  /** Opens what waits, as long as the block before it is done. */
  #advance(): StreamStep[] {
    const steps: StreamStep[] = []
    while (this.#waiting.length > 0 && this.#isDone()) steps.push(...this.#openNext())
    return steps
  }

  #openNext(): StreamStep[] {
    const next = this.#waiting.shift()
    if (next === undefined) return []
    const steps: StreamStep[] = [...this.#close()]
    const { block, head, text } = next
    this.#begin(next)
    steps.push({ kind: 'open', block, head })
    if (text === '') return steps
    this.#waitingLength -= text.length
    if (head.type === 'tool_call') this.#argumentsSoFar = text
    steps.push({ kind: 'delta', block, text })
    return steps
  }

  #flush(): StreamStep[] {
    const steps: StreamStep[] = []
    while (this.#waiting.length > 0) steps.push(...this.#openNext())
    return [...steps, ...this.#close()]
  }
}
