// The durable floor: the least that a gateway can do which writes every call down. It is the bare
// proxy plus two 400-byte rows a call in PostgreSQL, committed in groups: rows that come while a
// commit is in flight share the next one. The intent's row commits while the upstream works and is
// durable before the first byte of the reply; the outcome's row is before its last byte.

import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { Client } from 'pg'
import type { Dispatcher } from 'undici'
import { isMain } from './listen.ts'
import { bindClient, failReply, replyHeaders, startProxy } from './proxy.ts'

type Recorder = { add(body: string, onDurable: () => void): void }

const rowChars = 400
const heldBytesMax = 256 * 1024
const lastEvent = Buffer.from('data: [DONE]\n\n')

export async function openRecorder(databaseUrl: string): Promise<Recorder> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query(
    'CREATE TABLE IF NOT EXISTS rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)',
  )
  let waiting: { body: string; onDurable: () => void }[] = []
  let isCommitting = false
  const commit = async () => {
    isCommitting = true
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await client.query({
        name: 'rows',
        text: 'INSERT INTO rows (body) SELECT unnest($1::text[])',
        values: [group.map(({ body }) => body)],
      })
      for (const { onDurable } of group) onDurable()
    }
    isCommitting = false
  }
  return {
    add(body, onDurable) {
      waiting.push({ body, onDurable })
      if (isCommitting) return
      // A floor that cannot write is no floor: the rejection ends the process, and the round fails.
      commit().catch((thrown: unknown) => {
        process.stderr.write(`${String(thrown)}\n`)
        process.exit(1)
      })
    },
  }
}

let calls = 0

/** One call: what has come from the upstream and may not yet go to the client. */
function waitForRows(recorder: Recorder, response: ServerResponse): Dispatcher.DispatchHandler {
  calls += 1
  const call = calls
  const held: Buffer[] = []
  let heldBytes = 0
  let head: { statusCode: number; headers: IncomingHttpHeaders } | undefined
  let upstreamController: Dispatcher.DispatchController | undefined
  let isIntentDurable = false
  let isOutcomeDurable = false
  let bytesLeft = Number.NaN

  const flush = () => {
    if (!isIntentDurable || head === undefined || response.destroyed) return
    for (let piece = held[0]; piece !== undefined; piece = held[0]) {
      if (!isOutcomeDurable && isLast(piece, held.length === 1 && bytesLeft === 0)) return
      held.shift()
      heldBytes -= piece.byteLength
      if (!response.headersSent) response.writeHead(head.statusCode, head.headers)
      if (!response.write(piece)) upstreamController?.pause()
    }
    if (!isOutcomeDurable) return
    if (!response.headersSent) response.writeHead(head.statusCode, head.headers)
    response.end()
  }

  recorder.add(row(call, 'intent'), () => {
    isIntentDurable = true
    if (heldBytes >= heldBytesMax) upstreamController?.resume()
    flush()
  })
  return {
    onRequestStart(controller) {
      upstreamController = controller
      bindClient(response, controller)
    },
    onResponseStart(_controller, statusCode, headers) {
      head = { statusCode, headers: replyHeaders(headers) }
      bytesLeft = Number(headers['content-length'] ?? Number.NaN)
    },
    onResponseData(controller, chunk) {
      held.push(chunk)
      heldBytes += chunk.byteLength
      bytesLeft -= chunk.byteLength
      if (heldBytes >= heldBytesMax && !isIntentDurable) controller.pause()
      flush()
    },
    onResponseEnd() {
      recorder.add(row(call, 'outcome'), () => {
        isOutcomeDurable = true
        flush()
      })
    },
    onResponseError() {
      failReply(response)
    },
  }
}

/** The end of a reply of known length, or the last event of a stream. */
function isLast(piece: Buffer, isEndOfLength: boolean): boolean {
  return isEndOfLength || piece.subarray(-lastEvent.byteLength).equals(lastEvent)
}

function row(call: number, kind: 'intent' | 'outcome'): string {
  return `{"call":${call},"kind":"${kind}","at":${Date.now()}}`.padEnd(rowChars, '.')
}

if (isMain(import.meta)) {
  const [, , upstream = '', databaseUrl = ''] = process.argv
  const recorder = await openRecorder(databaseUrl)
  const listening = await startProxy(upstream, (response) => waitForRows(recorder, response))
  process.stdout.write(`${JSON.stringify({ listening, pid: process.pid })}\n`)
}
