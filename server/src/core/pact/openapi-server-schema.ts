// An HTTP API as a tool server: its OpenAPI document, which of its operations are served, where they
// are, and the credential that Airworthy adds to each request.
import { z } from 'zod'
import {
  environmentName,
  httpUrl,
  integer,
  list,
  map,
  matching,
  object,
  oneOf,
  text,
  timeoutMs,
} from './schema-parts.ts'

const RESPONSE_BYTES_MAX = 2 * 1024 * 1024

const headerName = matching(/^[A-Za-z0-9-]+$/, 'a header name')
const secretEnv = environmentName.describe('Where the server finds the secret.')

const documentByUrl = object(
  {
    url: httpUrl.describe('Fetched at enrolment, and again while it is used.'),
    sha256: matching(/^[0-9a-f]{64}$/, 'a SHA-256 in small hexadecimal digits')
      .optional()
      .describe('Of the bytes at the URL: any others are refused.'),
    refreshSeconds: integer(1, 86_400)
      .default(60)
      .describe('How old the copy may be before it is fetched again, in the background.'),
  },
  'an object with url',
)

const documentInline = object(
  { inline: z.record(z.string(), z.json(), { error: 'an OpenAPI document' }) },
  'an object with inline',
)

const auth = z.discriminatedUnion(
  'kind',
  [
    object({ kind: z.literal('bearer'), env: secretEnv }, 'an object with kind and env'),
    object(
      {
        kind: z.literal('header'),
        header: headerName,
        env: secretEnv,
        prefix: matching(/^[\x20-\x7e]*$/, 'a text before the secret')
          .optional()
          .describe('Such as "Token ".'),
      },
      'an object with kind, header and env',
    ),
    object(
      {
        kind: z.literal('query'),
        parameter: matching(/^[A-Za-z0-9_.-]+$/, 'the name of a query parameter'),
        env: secretEnv,
      },
      'an object with kind, parameter and env',
    ),
    object(
      {
        kind: z.literal('basic'),
        username: matching(/^[\x21-\x39\x3b-\x7e]+$/, 'a user name without a colon')
          .optional()
          .describe('Without one the variable holds user:password.'),
        env: secretEnv,
      },
      'an object with kind and env',
    ),
  ],
  { error: 'bearer, header, query or basic' },
)

export const openApiServer = object(
  {
    transport: z.literal('openapi'),
    document: z
      .union([documentByUrl, documentInline], {
        error: 'an object with url or inline (the command line also takes file, and inlines it)',
      })
      .describe('An OpenAPI 3.0 or 3.1 document.'),
    baseUrl: httpUrl.describe(
      'Where the API is. No other host and port is called, whatever the document says.',
    ),
    operations: list(
      matching(/^[A-Za-z0-9_.*-]+$/, 'the name of an operation, or a pattern with *'),
      'a list of operation names',
    ).describe('What is served; nothing else is.'),
    methods: list(
      oneOf(['get', 'head', 'post', 'put', 'patch', 'delete']),
      'a list of HTTP methods',
    )
      .optional()
      .describe('Only operations of these methods.'),
    paths: list(matching(/^\/[^\s]*$/, 'a path of the document, or a pattern with *', 500), 'paths')
      .optional()
      .describe('Only operations of these paths, as the document writes them.'),
    auth: auth.optional().describe('What Airworthy adds; the agent never sees it.'),
    headers: map(
      headerName,
      matching(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'a header value', 500),
      'a map of header names to values',
    )
      .default({})
      .describe('Sent with each request. No secrets: those are in auth.'),
    allowPrivate: list(
      text('a host name, an address or a CIDR range', 255),
      'a list of hosts and CIDR ranges',
    )
      .default([])
      .describe('Hosts and ranges that may be called although they are not public.'),
    idempotencyHeader: z
      .union([headerName, z.literal(false)], { error: 'a header name, or false' })
      .default('Idempotency-Key')
      .describe('Carries the effect key of a write. false: none is sent.'),
    unknownStatuses: list(integer(400, 499), 'a list of statuses')
      .default([])
      .describe('Replies after which a write may have happened, beside 408, 499 and 5xx.'),
    responseBytesMax: integer(1, RESPONSE_BYTES_MAX).default(1024 * 1024),
    timeoutMs: timeoutMs.default(30_000),
  },
  'an object with transport, document, baseUrl and operations',
)
