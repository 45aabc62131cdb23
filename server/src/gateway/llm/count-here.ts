// Answers a count of tokens where no endpoint of the model could: with the tokenizer that the
// manifest names. Nothing leaves, so nothing is recorded.
import { isModelInTask } from '../../core/decision/task.ts'
import type { Gateway } from '../gateway.ts'
import { sendJson } from '../http/replies.ts'
import type { ReplyTarget } from './detached-reply.ts'
import type { ModelCallInput } from './prepare-model-call.ts'
import { countPrompt } from './reserve-prompt.ts'
import { upstreamWire } from './wires.ts'

/** True where the client has its answer. */
export async function countHere(
  gateway: Gateway,
  { principal, request, body, wire }: ModelCallInput,
  response: ReplyTarget,
): Promise<boolean> {
  const { pact } = await gateway.pacts.active(principal)
  const model = pact.models.get(request.model)
  if (model === undefined || !model.listable) return false
  if (!isModelInTask(pact, principal.task, model.name)) return false
  if (model.endpoints.some((endpoint) => upstreamWire(endpoint, wire) !== undefined)) return false
  const tokens = await countPrompt(body, request, model)
  if (tokens === undefined) return false
  sendJson(response, { status: 200, body: { input_tokens: Number(tokens) } })
  return true
}
