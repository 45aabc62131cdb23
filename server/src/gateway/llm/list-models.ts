// GET /v1/models and /v1/models/{id}: the models that the pact permits, in the shape of the client's
// own wire.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isModelInTask } from '../../core/decision/task.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, noRetry, sendJson } from '../http/replies.ts'
import { modelWires } from './wires.ts'

type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly sessionKey: string | undefined
  /** As the path has it; undefined asks for all. */
  readonly id: string | undefined
}

export async function listModels(gateway: Gateway, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  // Only Anthropic's clients send it.
  const isAnthropic = request.headers['anthropic-version'] !== undefined
  try {
    const principal = await gateway.identifier.identifyForList(
      request.headers,
      exchange.sessionKey,
      'models',
    )
    const { pact } = await gateway.pacts.active(principal)
    const mayAsk = (name: string): boolean =>
      pact.models.get(name)?.listable === true && isModelInTask(pact, principal.task, name)
    const routes = [...pact.routes.values()].filter((route) => mayAsk(route.otherwise))
    const names = [...[...pact.models.keys()].filter(mayAsk), ...routes.map((route) => route.model)]
    const describe = isAnthropic ? anthropicModel : openaiModel
    sendJson(response, {
      status: 200,
      body:
        exchange.id === undefined
          ? listOf(names.map(describe), names, isAnthropic)
          : describe(findName(names, exchange.id)),
    })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    const wire = isAnthropic ? modelWires.messages : modelWires.chat
    sendJson(response, { status, body: wire.errorBody(error), headers: noRetry })
  }
}

function openaiModel(name: string): object {
  return { id: name, object: 'model', created: 0, owned_by: 'airworthy' }
}

function anthropicModel(name: string): object {
  return { type: 'model', id: name, display_name: name, created_at: '1970-01-01T00:00:00Z' }
}

function listOf(data: readonly object[], names: readonly string[], isAnthropic: boolean): object {
  if (!isAnthropic) return { object: 'list', data }
  return { data, has_more: false, first_id: names[0] ?? null, last_id: names.at(-1) ?? null }
}

/** Throws `model.unknown`. */
function findName(names: readonly string[], id: string): string {
  // A name may have slashes and colons; which of them are encoded is every client's own choice.
  const decoded = decodePath(id)
  const found = names.find((name) => name === id || name === decoded)
  if (found !== undefined) return found
  throw new AirworthyError('model.unknown', 'the model is not one that this session may ask')
}

/** Undefined for what no client encodes so. */
function decodePath(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
