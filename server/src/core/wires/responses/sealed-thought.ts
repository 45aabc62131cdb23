// Anthropic's thoughts must come back with the signature that vouches for them. Responses has a
// place for something opaque that only the provider reads, for clients that ask for it
// (`include: ["reasoning.encrypted_content"]`): the signature goes there, marked as not OpenAI's.
import type { ReasoningPart, TranslationContext } from '../conversation.ts'
import { listMember } from '../read-json.ts'

const signaturePrefix = 'anthropic-signature:'
const redactedPrefix = 'anthropic-redacted:'

export function openSeal(
  sealed: string | undefined,
): { signature: string } | { redacted: string } | undefined {
  if (sealed?.startsWith(signaturePrefix)) {
    return { signature: sealed.slice(signaturePrefix.length) }
  }
  if (sealed?.startsWith(redactedPrefix)) return { redacted: sealed.slice(redactedPrefix.length) }
  return undefined
}

export function sealThought({ signature, redacted }: ReasoningPart): string | undefined {
  if (redacted !== undefined) return redactedPrefix + redacted
  if (signature === undefined || signature === '') return undefined
  return signaturePrefix + signature
}

export function wantsSeals(context: TranslationContext): boolean {
  return listMember(context.body, 'include').includes('reasoning.encrypted_content')
}
