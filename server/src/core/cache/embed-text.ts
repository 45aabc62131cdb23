// The offline embedding: hashed words and runs of letters. It is lexical: texts are near each other
// when they share words, synonyms that the lexicon knows, or parts of words. It knows no meaning.
import type { ReadText } from './read-text.ts'
import { addDirection, dimensions, hashFeature, quantise } from './vector.ts'

const runLengths = [3, 4]
const wordWeight = 3
const runWeight = 0.5
const intentWeight = 1
const seeds = { word: 1, run: 2, intent: 3, sequence: 4 }

/** The same text gives the same vector, on every machine and in every release of the lexicon. */
export function embedText(text: ReadText): Int8Array {
  const values = new Float64Array(dimensions)
  const isEnglish = text.language === 'english'
  const words = isEnglish ? text.content.map((each) => each.word) : text.sequence
  for (const word of new Set(words)) {
    addDirection(values, hashFeature(word, seeds.word), wordWeight)
    const padded = `<${word}>`
    for (const length of runLengths) {
      for (let at = 0; at + length <= padded.length; at += 1) {
        addDirection(values, hashFeature(padded.slice(at, at + length), seeds.run), runWeight)
      }
    }
  }
  for (const part of [...text.quantities, ...text.codes]) {
    addDirection(values, hashFeature(part, seeds.sequence), wordWeight)
  }
  addDirection(values, hashFeature(text.intent, seeds.intent), intentWeight)
  return quantise(values)
}
