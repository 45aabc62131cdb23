// GET /v1/models, as OpenAI clients ask for it: the models that the pact permits.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isModelInTask } from '../../core/decision/task.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, noRetry, sendJson } from '../http/replies.ts'

export async function listModels(
  gateway: Gateway,
  exchange: { request: IncomingMessage; response: ServerResponse; sessionKey: string | undefined },
): Promise<void> {
  const { request, response } = exchange
  try {
    const principal = await gateway.identifier.identifyForList(
      request.headers,
      exchange.sessionKey,
      'models',
    )
    const { pact } = await gateway.pacts.active(principal)
    const data = [...pact.models.values()]
      .filter((model) => model.listable && isModelInTask(pact, principal.task, model.name))
      .map((model) => ({ id: model.name, object: 'model', created: 0, owned_by: 'airworthy' }))
    sendJson(response, { status: 200, body: { object: 'list', data } })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    sendJson(response, { status, body: { error }, headers: noRetry })
  }
}
