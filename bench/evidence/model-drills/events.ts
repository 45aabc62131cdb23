// Server-sent events as the HTML standard reads them, from a stream that has ended.

export type SentEvent = { readonly event: string; readonly data: string }

/** `rest`: what came after the last event, which no client would ever be told of. */
export function readEvents(stream: string): { events: SentEvent[]; rest: string } {
  const text = stream.startsWith('\uFEFF') ? stream.slice(1) : stream
  const lines = text.split(/\r\n|\r|\n/)
  const last = lines.pop() ?? ''
  const events: SentEvent[] = []
  let event = ''
  let data: string[] = []
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) events.push({ event, data: data.join('\n') })
      event = ''
      data = []
      continue
    }
    if (line.startsWith(':')) continue
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') data.push(value)
    if (name === 'event') event = value
  }
  return { events, rest: [...data, last].join('').trim() }
}
