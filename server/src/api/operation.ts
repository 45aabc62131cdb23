// One operation of the control API: where it is, who may use it, what it takes and answers.
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { AirworthyError, type ErrorCode } from '../core/errors.ts'
import type { Role } from '../core/identity/roles.ts'
import type { AccessKind } from '../store/audit/accesses.ts'
import type { PageOpener } from './audit/access.ts'
import type { OperatorRow } from '../store/identity/operators.ts'
import type { ApiDependencies } from './dependencies.ts'

export type Context = ApiDependencies & {
  readonly operator: OperatorRow
  /** Why the caller asks: the header airworthy-reason; empty when not given. */
  readonly reason: string
  /** Writes that the log is read. Resolves when it is durable. */
  readonly logAccess: (kind: AccessKind) => Promise<void>
  /** Opens the payloads of many calls under one entry that names them. */
  readonly openPage: PageOpener
}

type Definition<Params, Query, Body, Reply> = {
  /** The name in the OpenAPI document, equal to the file's. */
  readonly id: string
  readonly method: 'GET' | 'POST'
  /** With parameters in braces: `/v1/agents/{agent}`. */
  readonly path: `/v1/${string}`
  readonly summary: string
  readonly roles: readonly Role[]
  readonly params?: z.ZodType<Params>
  readonly query?: z.ZodType<Query>
  readonly body?: z.ZodType<Body>
  readonly reply: z.ZodType<Reply>
  /** The codes beside those that every operation can answer. */
  readonly errors: readonly ErrorCode[]
  readonly run: (
    context: Context,
    input: { readonly params: Params; readonly query: Query; readonly body: Body },
  ) => Promise<Reply | RawReply>
}

/** An answer that is not JSON; a stream is sent as fast as it is read. */
export class RawReply {
  readonly type: string
  readonly body: string | Readable

  constructor(type: string, body: string | Readable) {
    this.type = type
    this.body = body
  }
}

export type RawInput = {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

export type Operation = {
  readonly id: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly summary: string
  readonly roles: readonly Role[]
  readonly schemas: {
    readonly params: z.ZodType | undefined
    readonly query: z.ZodType | undefined
    readonly body: z.ZodType | undefined
    readonly reply: z.ZodType
  }
  readonly errors: readonly ErrorCode[]
  /** Parses the input, throwing `request.invalid`, and runs. */
  readonly handle: (context: Context, raw: RawInput) => Promise<unknown>
}

/** Ties the types of an operation together and gives them up, so that all fit one table. */
export function defineOperation<Params, Query, Body, Reply>(
  definition: Definition<Params, Query, Body, Reply>,
): Operation {
  const { id, method, path, summary, roles, params, query, body, reply, errors } = definition
  return {
    id,
    method,
    path,
    summary,
    roles,
    schemas: { params, query, body, reply },
    errors,
    handle: (context, raw) =>
      definition.run(context, {
        params: parsePart({ name: 'path', schema: params, value: raw.params }),
        query: parsePart({ name: 'query', schema: query, value: raw.query }),
        body: parsePart({ name: 'body', schema: body, value: raw.body }),
      }),
  }
}

const nothing = z.unknown()

function parsePart<Part>(part: {
  readonly name: string
  readonly schema: z.ZodType<Part> | undefined
  readonly value: unknown
}): Part {
  // Without a schema nothing of the part is read: `run` cannot name a field of it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const schema = part.schema ?? (nothing as z.ZodType<Part>)
  const parsed = schema.safeParse(part.value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.slice(0, problemsMax).map((issue) => ({
    path: [part.name, ...issue.path.map(String)].join('.'),
    message: issue.message,
  }))
  const first = problems[0]
  throw new AirworthyError(
    'request.invalid',
    first === undefined ? 'the request is not valid' : `${first.path}: ${first.message}`,
    { detail: { problems } },
  )
}

const problemsMax = 20
