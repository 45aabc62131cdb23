// Where tools come from: the tool servers of a manifest.
import { z } from 'zod'
import { openApiServer } from './openapi-server-schema.ts'
import { mcpFields, stdioFields } from './mcp-server-schema.ts'
import {
  environmentName,
  httpUrl,
  list,
  map,
  matching,
  object,
  plainText,
  text,
  timeoutMs,
} from './schema-parts.ts'
import { sqlServer } from './sql-server-schema.ts'

const stdioServer = object(
  {
    transport: z.literal('stdio'),
    command: text('a command'),
    args: list(plainText, 'a list of strings').default([]),
    env: map(environmentName, plainText, 'a map of strings').default({}),
    cwd: text('a directory').optional(),
    timeoutMs: timeoutMs.default(30_000),
    ...mcpFields,
    ...stdioFields,
  },
  'an object with transport, command and args',
)

const httpServer = object(
  {
    transport: z.literal('http'),
    url: httpUrl,
    headersEnv: map(
      matching(/^[a-z0-9-]+$/, 'a header name in small letters'),
      environmentName,
      'a map of header names to environment variables',
    ).default({}),
    timeoutMs: timeoutMs.default(30_000),
    ...mcpFields,
  },
  'an object with transport and url',
)

export const toolServer = z.discriminatedUnion(
  'transport',
  [stdioServer, httpServer, openApiServer, sqlServer],
  {
    error: 'stdio, http, openapi or sql',
  },
)
