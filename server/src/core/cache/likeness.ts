// The refusing decision over two texts: how alike they are, and what speaks against it.
import { embedText } from './embed-text.ts'
import { readText, type ReadText } from './read-text.ts'
import { findVeto, type VetoKind, type VetoOptions } from './veto.ts'

export type ReadQuestion = { readonly text: ReadText; readonly vector: Int8Array }

/** Default of the offline embedding; below it two texts are not even compared. */
export const lexicalThreshold = 0.6
/** How many of the nearest are held against the vetoes. */
export const candidatesMax = 8

/** Undefined where the text cannot be read, or asks for what is different tomorrow. */
export function readQuestion(text: string): ReadQuestion | undefined {
  const read = readText(text)
  if (read === undefined || read.isRelative) return undefined
  return { text: read, vector: embedText(read) }
}

/** Undefined: nothing speaks against giving the answer of `cached` to `asked`. */
export function vetoBetween(
  cached: string,
  asked: ReadText,
  options: VetoOptions,
): VetoKind | undefined {
  return findVeto(readText(cached), asked, options)
}
