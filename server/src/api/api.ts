// The control API as one request handler. main.ts owns the HTTP server and gives it requests.
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { AirworthyError } from '../core/errors.ts'
import { mayCall } from '../core/identity/roles.ts'
import type { AccessKind } from '../store/audit/accesses.ts'
import {
  LogAccesses,
  loggedPages,
  loggedPayloads,
  parseReason,
  type Reading,
  reasonHeader,
} from './audit/access.ts'
import { addIdentityPages } from './identity/publish.ts'
import { authenticate } from './authenticate.ts'
import type { ApiDependencies } from './dependencies.ts'
import { classify, replyOf } from './error-reply.ts'
import { serveWitness } from './log/add-checkpoint.ts'
import { serveLog } from './log/serve-log.ts'
import { buildOpenApi } from './openapi.ts'
import { type Operation, RawReply } from './operation.ts'
import { operations } from './operations.ts'

export type { ApiDependencies } from './dependencies.ts'

export type Api = {
  /** Answers one request. Never throws: failures become error replies. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  readonly openapi: () => object
  readonly close: () => Promise<void>
}

const bodyBytesMax = 1024 * 1024
const parameterCharactersMax = 200

/** Builds the control API. */
export async function createApi(dependencies: ApiDependencies): Promise<Api> {
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    routerOptions: { maxParamLength: parameterCharactersMax },
  })
  const { version } = await dependencies.health()
  const openapi = buildOpenApi(operations, version)
  parseBodies(app)
  app.addHook('onRequest', async (_, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
  })
  const accesses = new LogAccesses(dependencies)
  for (const operation of operations) addOperation(app, { dependencies, accesses }, operation)
  serveLog(app, dependencies, accesses)
  serveWitness(app, dependencies)
  app.get('/healthz', async (_, reply) => {
    const health = await dependencies.health()
    return reply.status(health.status === 'ok' ? 200 : 503).send(health)
  })
  addIdentityPages(app, dependencies.identities)
  app.get('/openapi.json', async () => openapi)
  await addHome(app, version)
  app.setNotFoundHandler((request, reply) => {
    sendError(dependencies, reply, notFound(request, reply))
  })
  app.setErrorHandler((thrown, _, reply) => {
    sendError(dependencies, reply, classify(thrown))
  })
  await app.ready()
  return {
    handle: (request, response) => app.routing(request, response),
    openapi: () => openapi,
    close: () => app.close(),
  }
}

function addOperation(
  app: FastifyInstance,
  given: { readonly dependencies: ApiDependencies; readonly accesses: LogAccesses },
  operation: Operation,
): void {
  const { dependencies, accesses } = given
  app.route({
    method: operation.method,
    url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    // Before the body is read: who may not ask is not listened to.
    onRequest: async (request) => {
      const operator = await authenticate(
        dependencies.db,
        dependencies.organisationId,
        request.headers.authorization,
      )
      if (!mayCall(operation.roles, operator.role)) {
        throw new AirworthyError('auth.forbidden', `a ${operator.role} key may not do this`)
      }
      operators.set(request, operator)
    },
    handler: async (request, reply) => {
      const operator = operators.get(request)
      if (operator === undefined) throw new Error('an operation ran without an operator')
      const { params, query, body } = request
      const reading: Reading = {
        operatorId: operator.operatorId,
        role: operator.role,
        operation: operation.id,
        isOfMany: operation.schemas.params === undefined,
        reason: parseReason(request.headers[reasonHeader]),
      }
      const context = {
        ...dependencies,
        operator,
        reason: reading.reason,
        payloads: loggedPayloads(dependencies, reading),
        openPage: loggedPages(dependencies, reading),
        logAccess: (kind: AccessKind) => accesses.record(kind, reading),
      }
      const answer = await operation.handle(context, { params, query, body: body ?? {} })
      return answer instanceof RawReply ? reply.type(answer.type).send(answer.body) : answer
    },
  })
}

const operators = new WeakMap<FastifyRequest, Awaited<ReturnType<typeof authenticate>>>()

/** JSON alone; an empty body is an empty object, so that `approve` needs none. */
function parseBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    (_, text: string, done: (error: Error | null, body?: unknown) => void) => {
      if (text.trim() === '') {
        done(null, {})
        return
      }
      try {
        done(null, JSON.parse(text))
      } catch (cause) {
        done(new AirworthyError('request.invalid_json', 'the body is not valid JSON', { cause }))
      }
    },
  )
}

const addresses = operations.map((operation) => ({
  method: operation.method,
  pattern: new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}))

function notFound(request: FastifyRequest, reply: FastifyReply): AirworthyError {
  const path = request.url.split('?', 1)[0] ?? ''
  const methods = addresses.flatMap((each) => (each.pattern.test(path) ? [each.method] : []))
  if (methods.length === 0) {
    return new AirworthyError('request.not_found', 'there is nothing at this address')
  }
  reply.header('allow', methods.join(', '))
  return new AirworthyError(
    'request.method_not_allowed',
    `this address takes ${methods.join(' and ')}`,
  )
}

function sendError(
  dependencies: ApiDependencies,
  reply: FastifyReply,
  error: AirworthyError,
): void {
  const { status, body } = replyOf(error)
  if (error.code === 'internal.unexpected') {
    dependencies.log('an operation of the control API failed', { cause: error.cause })
  }
  void reply.status(status).send(body)
}

/** The same place in the source and in the built package. */
const homePage = new URL('../../../web/index.html', import.meta.url)

async function addHome(app: FastifyInstance, version: string): Promise<void> {
  // The page is not part of the published server; there the JSON answers alone.
  const page = await readFile(homePage, 'utf8').catch(() => undefined)
  app.get('/', async (request, reply) => {
    const wantsPage = request.headers.accept?.includes('text/html') === true
    if (page !== undefined && wantsPage) {
      return reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .send(page)
    }
    return { name: 'airworthy', version, openapi: '/openapi.json', health: '/healthz' }
  })
}
