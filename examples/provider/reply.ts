// What a wire needs to write an answer down.
import type { Answer } from './answer.ts'
import type { Asked } from './asked.ts'
import type { Flavour } from './flavours.ts'

/** What the provider bills. `output` is all of it, reasoning included; `prompt` too. */
export type Usage = {
  readonly prompt: number
  readonly cached: number
  readonly written: number
  readonly writtenLong: number
  readonly output: number
  readonly reasoning: number
}

export type Reply = {
  readonly asked: Asked
  readonly answer: Answer
  readonly usage: Usage
  readonly flavour: Flavour
  /** Makes the ids of this reply: the same for the same seed and number of request. */
  readonly idSeed: string
  readonly createdAtSeconds: number
  /** How the usage is told: see `faults.ts`. */
  readonly tell: (usage: object) => unknown
  /** The request, for wires that repeat parts of it. */
  readonly body: object
}

/** One server-sent event, and how many tokens of output were generated for it. */
export type Frame = {
  readonly event: string | undefined
  readonly data: string
  readonly tokens: number
  /** Part of the proper end: a stream that is cut has none of these. */
  readonly isEnd: boolean
}

/** How many tokens go into one event. */
export const tokensPerEvent = 4

/** Lists of tokens as the pieces of text that are streamed, with the number of tokens in each. */
export function piecesOf(tokens: readonly string[]): { text: string; tokens: number }[] {
  const pieces: { text: string; tokens: number }[] = []
  for (let from = 0; from < tokens.length; from += tokensPerEvent) {
    const some = tokens.slice(from, from + tokensPerEvent)
    pieces.push({ text: some.join(''), tokens: some.length })
  }
  return pieces
}
