import { writeEvent } from '../sse.ts'

/** An event of a Messages stream: its type stands in its data, too. */
export function send(type: string, members: object): string {
  return writeEvent(type, JSON.stringify({ type, ...members }))
}
