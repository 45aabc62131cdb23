// `fetch` for tool servers: no redirects, and no reply of any size.
import { callContext } from './call-context.ts'
import { fencedDispatcher } from './fenced-dispatcher.ts'
import { messageBytesMax } from './stdio-transport.ts'

/**
 * A redirect could lead credentials elsewhere, so it is an error. A JSON reply is bounded as a
 * whole; an event stream, which may stay open for days, by the event.
 */
export async function boundedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, ...fenceOf(init), redirect: 'error' })
  if (response.body === null) return response
  const isStream = response.headers.get('content-type')?.includes('text/event-stream') === true
  const { status, statusText, headers } = response
  const body = response.body.pipeThrough(boundBytes(isStream))
  return new Response(body, { status, statusText, headers })
}

/** A call is not written once it may not leave, and ends where a kill cuts it. */
function fenceOf(init: RequestInit | undefined): Pick<RequestInit, 'signal'> {
  const live = callContext()?.live
  if (live === undefined) return {}
  const signal = init?.signal ? AbortSignal.any([init.signal, live.signal]) : live.signal
  // Node's `fetch` takes a dispatcher; its types are those of another copy of undici.
  const fenced = { signal, dispatcher: fencedDispatcher(live) }
  return fenced
}

function boundBytes(isStream: boolean): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      const lastLine = isStream ? chunk.lastIndexOf(10) : -1
      // The data of an event is one line; what follows its end belongs to the next.
      bytes = lastLine === -1 ? bytes + chunk.length : chunk.length - lastLine - 1
      if (bytes > messageBytesMax) {
        throw new Error(`the tool server sent more than ${messageBytesMax} bytes`)
      }
      controller.enqueue(chunk)
    },
  })
}
