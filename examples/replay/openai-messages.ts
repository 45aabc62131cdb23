// Recorded messages as the official client types them, and its replies as recorded messages.
import type {
  ChatCompletionMessage,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions'
import type { AssistantMessage, Message, ToolCallMessage } from './recording.ts'

export function toParams(messages: readonly Message[]): ChatCompletionMessageParam[] {
  return messages.map(toParam)
}

function toParam(message: Message): ChatCompletionMessageParam {
  if (message.role !== 'assistant') return message
  const { tool_calls: calls, ...rest } = message
  return calls === undefined ? rest : { ...rest, tool_calls: [...calls] }
}

/** What the client received, with nothing added and nothing lost that a next request would say. */
export function fromReply(message: ChatCompletionMessage): AssistantMessage {
  const calls: ToolCallMessage[] = (message.tool_calls ?? []).flatMap((call) =>
    call.type === 'function'
      ? [
          {
            id: call.id,
            type: call.type,
            function: { name: call.function.name, arguments: call.function.arguments },
          },
        ]
      : [],
  )
  const said = { role: message.role, content: message.content ?? null }
  return calls.length === 0 ? said : { ...said, tool_calls: calls }
}
