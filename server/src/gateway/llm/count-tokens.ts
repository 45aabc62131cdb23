// Counts tokens with a tokenizer that the manifest names. Only where a budget is short: the ranks
// are loaded when they are first asked for, and long texts are counted in pieces, so that nothing
// else waits.
import { setImmediate as turn } from 'node:timers/promises'
import type { CompiledModel } from '../../core/pact/compiled.ts'

export type ExactTokenizer = Exclude<CompiledModel['tokenizer'], 'bytes'>

type Count = (text: string, options: object) => number

/** A piece takes some milliseconds. */
const pieceLength = 16 * 1024
/** No text is a special token here: a prompt that spells one is text. */
const asText = { disallowedSpecial: new Set<string>() }

const loading = new Map<ExactTokenizer, Promise<Count>>()

function load(tokenizer: ExactTokenizer): Promise<Count> {
  const known = loading.get(tokenizer)
  if (known !== undefined) return known
  const loaded = (
    tokenizer === 'o200k_base'
      ? import('gpt-tokenizer/encoding/o200k_base')
      : import('gpt-tokenizer/encoding/cl100k_base')
  ).then((encoding): Count => encoding.countTokens)
  loading.set(tokenizer, loaded)
  return loaded
}

/** Loads the ranks ahead, where they will be needed in a hurry. */
export function prepareCounting(tokenizer: ExactTokenizer): void {
  void load(tokenizer).catch(() => loading.delete(tokenizer))
}

/**
 * At least as many as the whole text has: cutting it into pieces can only break tokens. Counts at
 * most one piece between two turns of the event loop.
 */
export async function countTokens(tokenizer: ExactTokenizer, text: string): Promise<number> {
  const count = await load(tokenizer)
  let tokens = 0
  for (let from = 0; from < text.length; from += pieceLength) {
    if (from > 0) await turn()
    tokens += count(text.slice(from, from + pieceLength), asText)
  }
  return tokens
}
