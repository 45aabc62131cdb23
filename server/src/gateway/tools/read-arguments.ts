import { parseExactJson } from '../../core/canonical.ts'

/** The arguments of a stored tool call; undefined when it holds none that can be read. */
export function readArguments(request: Buffer): Record<string, unknown> | undefined {
  const parsed = parseExactJson(request.toString('utf8'))
  if (parsed.kind === 'invalid' || typeof parsed.value !== 'object' || parsed.value === null) {
    return undefined
  }
  const args: unknown = Reflect.get(parsed.value, 'arguments')
  return typeof args === 'object' && args !== null ? { ...args } : undefined
}
