// One request to the model, from its body to the last byte of its reply.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Address } from './address.ts'
import { answerTo } from './answer.ts'
import { type Asked, BadRequest, type Wire } from './asked.ts'
import type { Books, Entry } from './books.ts'
import type { ProviderError } from './flavours.ts'
import { type FaultDrawer, planOf, readNamedFaults, splitModel } from './faults.ts'
import { field, isObject, type Json, parseJson, textField } from './json.ts'
import { goodPlan, type Plan, tellUsage } from './plan.ts'
import type { CacheUse, PromptCache } from './prompt-cache.ts'
import type { Reply, Usage } from './reply.ts'
import { keepSilent, pause, reset, type Sending, sendStream, sendWhole } from './send.ts'
import type { StoredResponses } from './stored-responses.ts'
import { embeddingsReply, readEmbeddings } from './wires/embeddings.ts'
import { readMessagesRequest } from './wires/messages-request.ts'
import { responseId } from './wires/responses-reply.ts'
import type { Earlier } from './wires/responses-request.ts'
import { wires } from './wires/wires.ts'

export type Provider = {
  readonly seed: string
  readonly books: Books
  readonly drawer: FaultDrawer
  readonly cache: PromptCache
  readonly stored: StoredResponses
  readonly now: () => number
}

type Exchange = {
  readonly provider: Provider
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly address: Address
  readonly entry: Entry
}

/** Reads, answers and closes the request's line in the books. */
export async function exchange(given: Exchange & { readonly body: Buffer }): Promise<void> {
  const { response, entry } = given
  try {
    checkKey(given)
    const body = parseJson(given.body.toString('utf8'))
    if (!isObject(body)) throw new BadRequest('We could not parse the JSON body of your request.')
    const { target } = given.address
    if (target.kind === 'count') return count(given, body)
    if (target.kind !== 'call') throw new BadRequest('there is nothing here', { status: 404 })
    await call(given, target.wire, body)
  } catch (thrown) {
    if (!(thrown instanceof BadRequest)) throw thrown
    sendError(given, { status: thrown.status, message: thrown.message, ...thrownCodes(thrown) })
  } finally {
    if (entry.outcome === 'open') entry.outcome = response.destroyed ? 'aborted' : 'refused'
  }
}

function thrownCodes({ code, param }: BadRequest): { code: string | null; param: string | null } {
  return { code, param }
}

function checkKey({ request, address, entry }: Exchange): void {
  const { auth } = address.flavour
  if (auth === 'none') return
  // OpenAI's and Azure's v1 path take a bearer token too, as Anthropic does.
  if (entry.apiKey !== '' && !entry.apiKey.includes('revoked')) return
  const header = auth === 'bearer' ? 'authorization' : auth
  const isMissing = request.headers[header] === undefined
  const message = isMissing ? `no API key in the header ${header}` : 'Incorrect API key provided'
  throw new BadRequest(message, { status: 401, code: 'invalid_api_key' })
}

async function call(given: Exchange, wire: Wire, body: Json): Promise<void> {
  const { address, entry, request } = given
  const { model: asked, named } = splitModel(textField(body, 'model') ?? '')
  const model = address.deployment ?? asked
  const header = request.headers['x-fake-fault']
  const plan = planFor(given, {
    model,
    stream: body['stream'] === true,
    named: `${named}!${typeof header === 'string' ? header : ''}`,
  })
  entry.model = model
  entry.user = userOf(body)
  entry.stream = body['stream'] === true
  entry.faults = plan.faults
  await goOn(given, plan, { wire, body: model === '' ? body : { ...body, model } })
}

/** Each wire has a place of its own for it. */
function userOf(body: Json): string {
  const named = textField(body, 'user') ?? textField(body, 'safety_identifier')
  return named ?? textField(body['metadata'], 'user_id') ?? ''
}

function planFor(
  { provider, address, entry }: Exchange,
  asked: { model: string; stream: boolean; named: string },
): Plan {
  const drawn = provider.drawer.draw({ number: entry.number, at: address.at, ...asked })
  const named = readNamedFaults(asked.named)
  if (drawn.length === 0 && named.length === 0) return goodPlan
  return planOf([...drawn, ...named], provider.now())
}

async function goOn(given: Exchange, plan: Plan, asked: { wire: Wire; body: Json }): Promise<void> {
  const { response, entry } = given
  if (plan.before === 'silence') {
    await keepSilent(response)
    entry.outcome = 'broken'
    return
  }
  if (plan.before === 'reset-unread') {
    reset(response)
    entry.outcome = 'broken'
    return
  }
  if (plan.refusal !== undefined) {
    await pause(response, plan.firstByteMs)
    refuse(given, plan.refusal)
    return
  }
  if (asked.wire === 'embeddings') return embed(given, plan, asked.body)
  const kind = wires[asked.wire]
  const read = kind.read(asked.body, given.address.flavour, earlier(given, asked.body))
  const reply = replyTo(given, plan, read, asked.body)
  entry.attachments = read.attachments
  entry.tools = read.tools.map(({ name }) => name)
  entry.reasoningTokens = reply.usage.reasoning
  remember(given, reply)
  await pause(response, plan.firstByteMs)
  if (response.destroyed) {
    // Who goes away before the first byte of a stream pays for nothing but the prompt.
    if (!read.stream) given.provider.books.generate(entry, reply.usage.output)
    entry.outcome = 'aborted'
    return
  }
  if (plan.before === 'reset-answered') {
    given.provider.books.generate(entry, reply.usage.output)
    reset(response)
    entry.outcome = 'broken'
    return
  }
  const sending = sendingOf(given, plan, asked.wire)
  entry.status = plan.status ?? 200
  entry.outcome = read.stream
    ? await sendStream(sending, kind.stream(reply))
    : await sendWhole(sending, kind.whole(reply), reply.usage.output)
}

function earlier({ provider }: Exchange, body: Json): Earlier {
  const findItem = (itemId: string): unknown => provider.stored.findItem(itemId)
  const id = textField(body, 'previous_response_id')
  if (id === undefined) return { tokens: 0, findItem }
  const found = provider.stored.find(id)
  if (found !== undefined) return { tokens: found.tokens, findItem }
  throw new BadRequest(`Previous response with id '${id}' not found.`, {
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  })
}

function replyTo(given: Exchange, plan: Plan, asked: Asked, body: object): Reply {
  const { provider, entry, address } = given
  const answer = answerTo(asked, provider.seed)
  const cache: CacheUse = provider.cache.use(asked, entry.apiKey)
  provider.books.begin(entry, asked.promptTokens, cache)
  const usage: Usage = {
    prompt: asked.promptTokens,
    cached: cache.cachedTokens,
    written: cache.writtenTokens,
    writtenLong: cache.writtenLongTokens,
    output: answer.outputTokens * asked.choices,
    reasoning: answer.reasoning.length * asked.choices,
  }
  return {
    asked,
    answer,
    usage,
    flavour: address.flavour,
    idSeed: entry.id,
    createdAtSeconds: Math.floor(provider.now() / 1000),
    tell: (told) => tellUsage(told, plan.usage),
    body,
  }
}

function remember({ provider }: Exchange, reply: Reply): void {
  if (reply.asked.wire !== 'responses' || field(reply.body, 'store') === false) return
  provider.stored.add(responseId(reply.idSeed), {
    tokens: reply.usage.prompt + reply.usage.output,
    body: wires.responses.whole(reply),
  })
}

function sendingOf(given: Exchange, plan: Plan, wire: Exclude<Wire, 'embeddings'>): Sending {
  const { response, entry, address, provider } = given
  const error = { status: 500, message: 'a fake error', code: 'server_error', param: null }
  return {
    response,
    plan,
    headers: { 'x-request-id': entry.id, 'request-id': entry.id },
    generated: (tokens) => provider.books.generate(entry, tokens),
    errorFrame: () => wires[wire].errorFrame(address.flavour, { ...error, requestId: entry.id }),
  }
}

async function embed(given: Exchange, plan: Plan, body: Json): Promise<void> {
  const { provider, entry, response } = given
  const asked = readEmbeddings(body, given.address.flavour)
  const none = { cachedTokens: 0, writtenTokens: 0, writtenLongTokens: 0 }
  provider.books.begin(entry, asked.promptTokens, none)
  await pause(response, plan.firstByteMs)
  if (plan.before === 'reset-answered') {
    reset(response)
    entry.outcome = 'broken'
    return
  }
  const reply = embeddingsReply(asked, (usage) => tellUsage(usage, plan.usage))
  entry.status = plan.status ?? 200
  entry.outcome = await sendWhole(sendingOf(given, plan, 'chat'), reply, 0)
}

function count(given: Exchange, body: Json): void {
  const { promptTokens } = readMessagesRequest(body, false)
  given.entry.status = 200
  given.entry.outcome = 'finished'
  sendJson(given.response, 200, { input_tokens: promptTokens })
}

function refuse(given: Exchange, refusal: NonNullable<Plan['refusal']>): void {
  const { response, entry } = given
  const { status, message, code, headers, isHtml } = refusal
  if (!isHtml) {
    sendError(given, { status, message, code, param: null }, headers)
    return
  }
  entry.status = status
  response.writeHead(status, { 'content-type': 'text/html', ...headers })
  response.end(`<html><head><title>${status}</title></head><body>a fake ${status}</body></html>\n`)
}

/** In the shape of the flavour that was asked. */
export function sendError(
  { response, entry, address }: Pick<Exchange, 'response' | 'entry' | 'address'>,
  error: Omit<ProviderError, 'requestId'>,
  headers: Readonly<Record<string, string>> = {},
): void {
  entry.status = error.status
  entry.outcome = 'refused'
  const body = address.flavour.error({ ...error, requestId: entry.id })
  sendJson(response, error.status, body, { 'x-request-id': entry.id, ...headers })
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = Buffer.from(JSON.stringify(body))
  const type = { 'content-type': 'application/json', 'content-length': text.length }
  response.writeHead(status, { ...type, ...headers })
  response.end(text)
}
