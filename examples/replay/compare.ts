// Whether a tool answered what it answered when the run was recorded.
import { canonicalJson } from '../retail/shop/canonical.ts'

export type ToolResult = { readonly text: string; readonly isError: boolean }

/** Errors are equal whatever they say; results as JSON with doubles, or as text where it is none. */
export function isSameResult(recorded: ToolResult, observed: ToolResult): boolean {
  if (recorded.isError || observed.isError) return recorded.isError === observed.isError
  if (recorded.text === observed.text) return true
  const [one, other] = [parseJson(recorded.text), parseJson(observed.text)]
  if (one === undefined || other === undefined) return false
  return canonicalJson(one.value) === canonicalJson(other.value)
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
