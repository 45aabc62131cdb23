// What is signed when an operator enrols a key: by the new key, that whoever enrols it has it; by an
// old one, that it vouches for the new one.
import { canonicalJson } from '../canonical.ts'

export const keyStatementType = 'airworthy/operator-key/v1'

/** `key` is the thumbprint of the new key. */
export function formatKeyStatement(enrolled: {
  readonly organisation: string
  readonly operator: string
  readonly key: string
}): string {
  const { organisation, operator, key } = enrolled
  return canonicalJson({ key, operator, organisation, type: keyStatementType })
}
