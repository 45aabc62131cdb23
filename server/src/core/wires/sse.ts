// Server-sent events as text.

/** `data` is one line: JSON as JSON.stringify writes it. */
export function writeEvent(type: string | undefined, data: string): string {
  return type === undefined ? `data: ${data}\n\n` : `event: ${type}\ndata: ${data}\n\n`
}
