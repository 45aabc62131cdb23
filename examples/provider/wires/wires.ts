// The wires of the fake side by side: how a request is read, and how its reply is written.
import type { Asked, Wire } from '../asked.ts'
import type { Flavour, ProviderError } from '../flavours.ts'
import { field, type Json } from '../json.ts'
import type { Frame, Reply } from '../reply.ts'
import { readChat } from './chat-request.ts'
import { streamChat, wholeChat } from './chat-reply.ts'
import { readMessagesRequest } from './messages-request.ts'
import { streamMessages, wholeMessages } from './messages-reply.ts'
import { type Earlier, readResponses } from './responses-request.ts'
import { streamResponses, wholeResponses } from './responses-reply.ts'

export type TextWire = Exclude<Wire, 'embeddings'>

type WireKind = {
  readonly read: (body: Json, flavour: Flavour, earlier: Earlier) => Asked
  readonly whole: (reply: Reply) => object
  readonly stream: (reply: Reply) => Iterable<Frame>
  /** An error inside a stream. */
  readonly errorFrame: (flavour: Flavour, error: ProviderError) => Frame
}

const end = { tokens: 0, isEnd: true }

export const wires: Readonly<Record<TextWire, WireKind>> = {
  chat: {
    read: readChat,
    whole: wholeChat,
    stream: streamChat,
    errorFrame: (flavour, error) => {
      return { event: undefined, data: JSON.stringify(flavour.error(error)), ...end }
    },
  },
  messages: {
    read: (body) => readMessagesRequest(body),
    whole: wholeMessages,
    stream: streamMessages,
    errorFrame: (flavour, error) => {
      return { event: 'error', data: JSON.stringify(flavour.error(error)), ...end }
    },
  },
  responses: {
    read: readResponses,
    whole: wholeResponses,
    stream: streamResponses,
    errorFrame: (flavour, error) => {
      const told = field(flavour.error(error), 'error')
      const data = {
        type: 'error',
        code: field(told, 'code') ?? 'server_error',
        message: error.message,
        param: null,
        sequence_number: 99,
      }
      return { event: 'error', data: JSON.stringify(data), ...end }
    },
  },
}
