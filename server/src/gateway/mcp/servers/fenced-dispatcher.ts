// Asks the fence when a request to a tool server is about to be written: it may have waited for a
// name, a connection or a handshake since it was sent on its way.
import { type Dispatcher, getGlobalDispatcher } from 'undici'
import type { LiveCall } from '../../kill/fence.ts'

export function fencedDispatcher(live: LiveCall): Dispatcher {
  return getGlobalDispatcher().compose(
    (dispatch) => (options, handler) => dispatch(options, fenced(handler, live)),
  )
}

/** The same handler, but for the moment before the first byte. */
function fenced(
  handler: Dispatcher.DispatchHandler,
  live: LiveCall,
): Required<Dispatcher.DispatchHandler> {
  return {
    onRequestStart: (controller, context) => {
      const refusal = live.refusal()
      if (refusal === undefined) handler.onRequestStart?.(controller, context)
      else controller.abort(refusal)
    },
    onRequestUpgrade: (...told) => handler.onRequestUpgrade?.(...told),
    onResponseStarted: () => handler.onResponseStarted?.(),
    onResponseStart: (...told) => handler.onResponseStart?.(...told),
    onResponseData: (...told) => handler.onResponseData?.(...told),
    onResponseEnd: (...told) => handler.onResponseEnd?.(...told),
    onResponseError: (...told) => handler.onResponseError?.(...told),
    onBodySent: (chunk) => handler.onBodySent?.(chunk),
    onRequestSent: () => handler.onRequestSent?.(),
  }
}
