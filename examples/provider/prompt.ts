// Counts a prompt as its parts are read, and marks where a prompt cache could begin to know it.
import { createHash } from 'node:crypto'
import type { Attachment, CachePrefix } from './asked.ts'
import { attachmentTokens } from './attachments.ts'
import { countTokens } from './tokens.ts'

/** What a message costs beside its text. */
const messageTokens = 3
const prefixesMax = 64

export type Prompt = {
  readonly addText: (text: string) => void
  readonly addAttachment: (attachment: Attachment) => void
  readonly addMessage: () => void
  /** Everything so far could be cached. */
  readonly mark: (kind: CachePrefix['kind']) => void
  readonly counted: () => { promptTokens: number; prefixes: readonly CachePrefix[] }
}

export function createPrompt(): Prompt {
  const hash = createHash('sha256')
  const prefixes: CachePrefix[] = []
  let tokens = 0
  return {
    addText: (text) => {
      tokens += countTokens(text)
      hash.update(text).update('\0')
    },
    addAttachment: (attachment) => {
      tokens += attachmentTokens(attachment)
      hash.update(attachment.sha256).update(attachment.where).update('\0')
    },
    addMessage: () => {
      tokens += messageTokens
    },
    mark: (kind) => {
      if (prefixes.length >= prefixesMax) return
      prefixes.push({ digest: hash.copy().digest('hex'), tokens, kind })
    },
    counted: () => ({ promptTokens: tokens, prefixes }),
  }
}
