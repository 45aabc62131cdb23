// Sends one reply as its plan says: well, or with the faults that were drawn for it.
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EntryOutcome } from './books.ts'
import type { MiddleKind, Plan } from './plan.ts'
import type { Frame } from './reply.ts'

export type Sending = {
  readonly response: ServerResponse
  readonly plan: Plan
  readonly headers: Readonly<Record<string, string>>
  /** So many more tokens were generated. */
  readonly generated: (tokens: number) => void
  /** The wire's own error inside a stream. */
  readonly errorFrame: () => Frame
}

const batchChars = 4096

export type Sent = Exclude<EntryOutcome, 'open' | 'refused'>

/** Waits, and is back at once when the client goes away. */
export async function pause(response: ServerResponse, ms: number): Promise<void> {
  if (ms <= 0 || response.destroyed) return
  const stopped = new AbortController()
  const stop = (): void => stopped.abort()
  response.once('close', stop)
  await sleep(ms, undefined, { signal: stopped.signal }).catch(() => undefined)
  response.off('close', stop)
}

/** Keeps the connection and says nothing, until the client gives up. */
export function keepSilent(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve()
    else response.once('close', () => resolve())
  })
}

export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}

export async function sendWhole(sending: Sending, body: object, tokens: number): Promise<Sent> {
  const { response, plan } = sending
  // The whole is generated before the first byte of it is sent.
  sending.generated(tokens)
  const padding = plan.paddingBytes === 0 ? '' : ' '.repeat(plan.paddingBytes)
  const whole = Buffer.from(`${wholeText(sending, body)}${padding}`)
  response.writeHead(plan.status ?? 200, {
    'content-type': plan.contentType ?? 'application/json',
    'content-length': whole.length,
    ...sending.headers,
  })
  if (plan.afterHeaders !== 'body') return breakAfterHeaders(sending)
  const { middle } = plan
  const isCut = middle?.kind === 'cut' || middle?.kind === 'reset' || middle?.kind === 'silence'
  const part = isCut ? whole.subarray(0, Math.floor(whole.length * middle.at)) : whole
  await writePieces(response, part, plan)
  if (response.destroyed) return 'aborted'
  if (isCut) return breakOff(response, middle.kind)
  await ended(response)
  return closeKeptAlive(sending, middle === undefined ? 'finished' : 'broken')
}

/** A body that is broken in itself has the length that its headers say. */
function wholeText({ plan, errorFrame }: Sending, body: object): string {
  const text = JSON.stringify(body)
  const kind = plan.middle?.kind
  if (kind === 'error-event') return errorFrame().data
  const isBroken = kind === 'bad-json' || kind === 'half-event'
  return isBroken ? text.slice(0, Math.floor(text.length * (plan.middle?.at ?? 0.5))) : text
}

export async function sendStream(sending: Sending, frames: Iterable<Frame>): Promise<Sent> {
  const { response, plan } = sending
  response.writeHead(plan.status ?? 200, {
    'content-type': plan.contentType ?? 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...sending.headers,
  })
  if (plan.afterHeaders !== 'body') return breakAfterHeaders(sending)
  if (plan.framing.bom) response.write('\uFEFF')
  const list = Array.from(frames)
  const breakAt = breakIndex(list, plan)
  // Events that nothing parts go out together, as they do where a network is slower than a model.
  const isPaced = plan.chunkMs > 0 || plan.pieces !== undefined
  let waiting = ''
  const flush = async (): Promise<void> => {
    const bytes = Buffer.from(waiting)
    waiting = ''
    await writePieces(response, bytes, plan)
    await pause(response, plan.chunkMs)
  }
  for (const [at, frame] of list.entries()) {
    if (at === breakAt && plan.middle !== undefined) {
      await flush()
      const end = await breakStream(sending, { frame, kind: plan.middle.kind })
      if (end !== 'goes-on') return end
      continue
    }
    sending.generated(frame.tokens)
    const padding = at === 0 ? plan.paddingBytes : 0
    waiting += encode(frame, plan, padding)
    if (isPaced || waiting.length >= batchChars) await flush()
    if (response.destroyed) return 'aborted'
  }
  await flush()
  if (response.destroyed) return 'aborted'
  await ended(response)
  return closeKeptAlive(sending, plan.middle === undefined ? 'finished' : 'broken')
}

/** The event before which the stream breaks: never later than the first of its proper end. */
function breakIndex(list: readonly Frame[], { middle }: Plan): number {
  if (middle === undefined) return -1
  const end = list.findIndex(({ isEnd }) => isEnd)
  return Math.min(Math.floor(list.length * middle.at), end === -1 ? list.length - 1 : end)
}

/** `goes-on`: behind the broken event. */
async function breakStream(
  sending: Sending,
  { frame, kind }: { frame: Frame; kind: MiddleKind },
): Promise<Sent | 'goes-on'> {
  const { response, plan } = sending
  if (kind === 'bad-json') {
    sending.generated(frame.tokens)
    response.write(encode({ ...frame, data: `${frame.data.slice(0, -2)},,` }, plan, 0))
    return 'goes-on'
  }
  if (kind === 'reset' || kind === 'silence') return breakOff(response, kind)
  if (kind === 'half-event') {
    sending.generated(frame.tokens)
    response.write(encode(frame, plan, 0).slice(0, Math.ceil(frame.data.length / 2)))
  } else if (kind === 'error-event') {
    response.write(encode(sending.errorFrame(), plan, 0))
  }
  response.end()
  return 'broken'
}

async function breakAfterHeaders({ response, plan }: Sending): Promise<Sent> {
  response.flushHeaders()
  return breakOff(response, plan.afterHeaders === 'reset' ? 'reset' : 'silence')
}

async function breakOff(response: ServerResponse, kind: string): Promise<Sent> {
  if (kind === 'silence') {
    await keepSilent(response)
    return 'broken'
  }
  // What was written goes out first; a reset would take it along.
  await new Promise<void>((resolve) => setImmediate(resolve))
  await pause(response, 5)
  if (kind === 'reset') reset(response)
  else response.destroy()
  return 'broken'
}

function closeKeptAlive({ response, plan }: Sending, sent: Sent): Sent {
  if (plan.closesAfter) response.socket?.destroy()
  return sent
}

function encode(frame: Frame, { framing }: Plan, paddingBytes: number): string {
  const { lineEnd } = framing
  const event = frame.event === undefined ? '' : `event: ${frame.event}${lineEnd}`
  const comment = framing.comments ? `: still here${lineEnd}${lineEnd}` : ''
  const padding = paddingBytes === 0 ? '' : ' '.repeat(paddingBytes)
  const end = framing.blankLine ? lineEnd : ''
  return `${comment}${event}data: ${frame.data}${padding}${lineEnd}${end}`
}

async function writePieces(response: ServerResponse, bytes: Buffer, plan: Plan): Promise<void> {
  const size = plan.pieces?.bytes ?? bytes.length
  for (let from = 0; from < bytes.length && !response.destroyed; from += size) {
    if (!response.write(bytes.subarray(from, from + size))) await drained(response)
    await pause(response, plan.pieces?.pauseMs ?? 0)
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
    if (response.destroyed) go()
  })
}

function ended(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('close', go)
      resolve()
    }
    response.once('close', go)
    response.end(go)
  })
}
