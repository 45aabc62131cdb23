// One model call through a gateway, and all that its client gets to see of it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'undici'
import { apiPaths, type Ask, requestBody } from './ask.ts'

export type Access = { readonly sessionKey: string; readonly apiKey: string }

export type Seen = {
  /** 0 where no reply came. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** `broken`: the connection ended before the reply did; `late`: the client gave up waiting. */
  readonly end: 'whole' | 'broken' | 'late' | 'aborted'
  readonly tookMs: number
}

/** Never throws: what goes wrong is what was seen. */
export async function callModel(
  pool: Pool,
  access: Access,
  options: {
    readonly ask: Ask
    readonly withinMs: number
    /** The client leaves so long after it has asked. */
    readonly leavesAfterMs?: number | undefined
  },
): Promise<Seen> {
  const { ask, withinMs, leavesAfterMs } = options
  const startedMs = performance.now()
  const stop = new AbortController()
  const ended = new AbortController()
  let end: Seen['end'] = 'whole'
  const giveUp = async (afterMs: number, as: Seen['end']): Promise<void> => {
    await sleep(afterMs, undefined, { signal: ended.signal }).catch(() => undefined)
    if (ended.signal.aborted) return
    end = as
    stop.abort()
  }
  void giveUp(withinMs, 'late')
  if (leavesAfterMs !== undefined) void giveUp(leavesAfterMs, 'aborted')
  const seen = { status: 0, headers: {}, text: '' }
  try {
    const reply = await pool.request({
      method: 'POST',
      path: `/s/${access.sessionKey}${apiPaths[ask.api]}`,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${access.apiKey}`,
        ...(ask.api === 'messages' ? { 'anthropic-version': '2023-06-01' } : {}),
      },
      body: requestBody(ask),
      headersTimeout: 0,
      bodyTimeout: 0,
      signal: stop.signal,
    })
    seen.status = reply.statusCode
    seen.headers = flatHeaders(reply.headers)
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    for await (const chunk of reply.body) {
      if (chunk instanceof Uint8Array) seen.text += decoder.decode(chunk, { stream: true })
    }
  } catch {
    if (end === 'whole') end = 'broken'
  }
  ended.abort()
  return { ...seen, end, tookMs: performance.now() - startedMs }
}

function flatHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? []].flat().join(', ')]),
  )
}
