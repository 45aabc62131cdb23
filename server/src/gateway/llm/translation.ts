// Puts a call on another wire than its client's, and its reply back.
import type { ModelApi } from '../../core/wires/model-api.ts'
import {
  createStreamTranslator,
  translateReply,
  translateRequest,
} from '../../core/wires/translate.ts'
import type { Forwarding, Route } from './forwarding.ts'
import { parseReply, readData } from './wire.ts'

/** Takes whole events of the upstream's wire; gives whole events of the client's. */
export type EventTranslator = { readonly push: (event: string) => string[] }

type Pair = { readonly from: ModelApi; readonly to: ModelApi }

/** Throws `request.untranslatable`, which names what has no place there. */
export function translateBody(
  forwarding: Forwarding,
  route: Route,
  outputTokens: number | undefined,
): Buffer {
  const { input } = forwarding
  const { body } = translateRequest({
    from: input.wire.api,
    to: route.wire.api,
    body: input.request.json,
    upstreamModel: route.endpoint.upstreamModel,
    outputLimitField: route.endpoint.outputLimitField,
    ...(outputTokens === undefined ? {} : { outputTokens }),
  })
  return Buffer.from(JSON.stringify(body))
}

/** Throws `upstream.invalid` for a reply that has no counterpart on the client's wire. */
export function translateReplyBody(forwarding: Forwarding, route: Route, body: Buffer): Buffer {
  const translated = translateReply({
    ...pairOf(forwarding, route),
    body: parseReply(body),
    request: contextOf(forwarding),
  })
  return Buffer.from(JSON.stringify(translated))
}

export function translateStream(forwarding: Forwarding, route: Route): EventTranslator {
  const translator = createStreamTranslator({
    ...pairOf(forwarding, route),
    request: contextOf(forwarding),
  })
  return {
    push: (event) => {
      const name = /^event:[ ]?(.*)$/m.exec(event)?.[1]?.trim()
      const data = readData(event)
      return translator.push(name === undefined ? { data } : { event: name, data })
    },
  }
}

/** From the upstream's API to the client's. */
function pairOf({ input }: Forwarding, { wire }: Route): Pair {
  return { from: wire.api, to: input.wire.api }
}

function contextOf({ input }: Forwarding) {
  const createdAt = Math.floor(Date.now() / 1000)
  return { body: input.request.json, id: input.callId, createdAt }
}
