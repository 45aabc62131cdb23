// The words in the content of a message, of any model API or of MCP.

/** A text, or the texts of a list of parts; what is no text is named in brackets. */
export function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return content === '' ? [] : [content]
  return Array.isArray(content) ? content.flatMap(partOf) : []
}

function partOf(part: unknown): string[] {
  if (typeof part === 'string') return [part]
  const text = member(part, 'text') ?? member(part, 'refusal')
  if (typeof text === 'string') return [text]
  const call = callOf(part)
  if (call !== undefined) return [call]
  const type = member(part, 'type')
  if (type === 'tool_result') return textsOf(member(part, 'content'))
  if (type === 'reasoning' || type === 'thinking') return textsOf(member(part, 'summary'))
  return typeof type === 'string' ? [`[${type}]`] : []
}

/** `name(arguments)` of a tool that the model calls, in each of the three spellings. */
function callOf(part: unknown): string | undefined {
  const called = member(part, 'function')
  const name = member(called, 'name') ?? member(part, 'name')
  if (typeof name !== 'string') return undefined
  const args =
    member(called, 'arguments') ?? member(part, 'arguments') ?? member(part, 'input') ?? {}
  return `${name}(${typeof args === 'string' ? args : JSON.stringify(args)})`
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
