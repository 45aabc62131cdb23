// Which path is the gateway's: model wires and tool servers, with the session key in the path or
// in a header. Everything else is the control API's.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Gateway } from './gateway.ts'
import { AirworthyError } from '../core/errors.ts'
import { holdsPath } from './holds/poll-path.ts'
import { handleHold } from './holds/serve-holds.ts'
import { agentHandoverPath, handleHandover } from './handover/serve-handover.ts'
import { errorOf, noRetry, sendJson } from './http/replies.ts'
import { signReply } from './http/sign-reply.ts'
import { listModels } from './llm/list-models.ts'
import { handleModelCall } from './llm/model-call.ts'
import { anthropicCountTokens } from './llm/anthropic-messages.ts'
import type { ModelWire } from './llm/wire.ts'
import { modelWires } from './llm/wires.ts'
import { handleMcp } from './mcp/agent/serve-mcp.ts'
import { handleReceipt, receiptsPath } from './receipts.ts'
import { handleRun, runsPath } from './runs/serve-runs.ts'

const modelPaths: ReadonlyMap<string, ModelWire> = new Map([
  ['/v1/chat/completions', modelWires.chat],
  ['/v1/responses', modelWires.responses],
  ['/v1/embeddings', modelWires.embeddings],
  ['/v1/messages', modelWires.messages],
  ['/v1/messages/count_tokens', anthropicCountTokens],
])

/** Responses that the provider keeps, by their ids. */
const storedResponses = '/v1/responses/'
const modelPath = /^\/v1\/models(?:\/(.{1,400}))?$/

const sessionPath = /^\/s\/([^/]+)(\/.*)$/
const mcpPath = /^\/mcp\/([A-Za-z0-9_.-]{1,64})\/?$/

/** Takes a request that is the gateway's; gives undefined for one that is not. */
export function routeGateway(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> | undefined {
  const url = request.url ?? '/'
  const query = url.indexOf('?')
  const fullPath = query === -1 ? url : url.slice(0, query)
  const session = sessionPath.exec(fullPath)
  const path = session?.[2] ?? fullPath
  const sessionKey = session?.[1]
  if (isGatewayPath(path) || session !== null) prepareSigning(gateway, request, response)
  const wire = modelPaths.get(path)
  if (wire !== undefined) {
    if (request.method === 'POST') {
      return handleModelCall(gateway, wire, { request, response, sessionKey })
    }
    response.setHeader('allow', 'POST')
    return refuse(response, new AirworthyError('request.method_not_allowed', 'use POST'))
  }
  const mcp = mcpPath.exec(path)
  if (mcp?.[1] !== undefined) {
    return handleMcp(gateway, { request, response, sessionKey, server: mcp[1] })
  }
  const run = runsPath.exec(path)
  if (run?.[1] !== undefined) {
    const [, name, command] = run
    return handleRun(gateway, { request, response, sessionKey, name, command })
  }
  const hold = holdsPath.exec(path)
  if (hold?.[1] !== undefined) {
    return handleHold(gateway, { request, response, sessionKey, holdId: hold[1] })
  }
  if (agentHandoverPath.test(path)) {
    return handleHandover(gateway, { request, response, sessionKey })
  }
  const receipt = receiptsPath.exec(path)
  if (receipt?.[1] !== undefined) {
    return handleReceipt(gateway, { request, response, sessionKey, callId: receipt[1] })
  }
  const model = request.method === 'GET' ? modelPath.exec(path) : null
  if (model !== null) {
    return listModels(gateway, { request, response, sessionKey, id: model[1] })
  }
  if (path.startsWith(storedResponses)) {
    const message = 'responses that the provider keeps are not served: send the whole input'
    return refuse(response, new AirworthyError('request.unsupported', message))
  }
  if (session === null) return undefined
  return refuse(response, new AirworthyError('request.not_found', `there is nothing at ${path}`))
}

function isGatewayPath(path: string): boolean {
  const isModels = modelPath.test(path) || modelPaths.has(path) || path.startsWith(storedResponses)
  return isModels || /^\/(?:(?:mcp|runs|receipts|holds)\/|handover\/?$)/.test(path)
}

/** Before anything is read of the request, or written of its answer. */
function prepareSigning(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const exchange = gateway.signatures.register(request)
  const { replySigning, log } = gateway
  const isSigned = request.headers['signature-input'] !== undefined
  if (replySigning !== undefined && (isSigned || replySigning.isAlways)) {
    signReply(response, { ...replySigning, exchange, log })
  }
}

async function refuse(response: ServerResponse, error: AirworthyError): Promise<void> {
  const reply = errorOf(error)
  sendJson(response, { status: reply.status, body: { error: reply.error }, headers: noRetry })
}
