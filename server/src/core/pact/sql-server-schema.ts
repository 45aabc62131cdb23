// A database as a tool server: declared statements with typed parameters, and a read-only query
// tool under a role of its own.
import { z } from 'zod'
import {
  environmentName,
  integer,
  list,
  map,
  matching,
  name,
  object,
  oneOf,
  text,
  timeoutMs,
} from './schema-parts.ts'

const SQL_MAX = 20_000
const ROWS_MAX = 10_000
/** A result is stored and sent as data and as text; both together stay below what a call may hold. */
const BYTES_MAX = 2 * 1024 * 1024
const CONNECTIONS_MAX = 50

const rowsMax = integer(1, ROWS_MAX)
const bytesMax = integer(1024, BYTES_MAX)
const connectionsMax = integer(1, CONNECTIONS_MAX)
const parameterName = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  'a parameter name of letters, digits and "_"',
  63,
)
const catalogueName = matching(
  /^[A-Za-z_][A-Za-z0-9_$]*\.[A-Za-z_][A-Za-z0-9_$]*$/,
  'a name with its schema, such as shop.orders',
  127,
)

export const parameterTypes = [
  'text',
  'integer',
  'bigint',
  'numeric',
  'boolean',
  'date',
  'timestamp',
  'uuid',
  'json',
] as const

const parameter = object(
  {
    type: oneOf(parameterTypes),
    description: text('a text').optional(),
    optional: z
      .boolean({ error: 'true or false' })
      .default(false)
      .describe('May be left out; the statement then gets NULL.'),
    maxLength: integer(1, SQL_MAX).optional().describe('Of a text, in characters.'),
    enum: list(text('a text'), 'a list of texts').optional().describe('The texts that it may be.'),
    min: z.number({ error: 'a number' }).optional().describe('Of an integer, bigint or numeric.'),
    max: z.number({ error: 'a number' }).optional(),
  },
  'an object with type',
)

const statement = object(
  {
    description: text('a text').describe('What the agent reads about the tool.'),
    sql: text('one SQL statement', SQL_MAX).describe('Parameters are written :name.'),
    parameters: map(parameterName, parameter, 'a map of parameters').default({}),
    access: oneOf(['read', 'write']).describe('A read runs in a READ ONLY transaction.'),
    effectKey: parameterName
      .optional()
      .describe('The parameter that gets the effect key of a write; the agent does not see it.'),
    rowsMax: rowsMax
      .optional()
      .describe('Rows of a result; of a write also the rows that it may change.'),
    timeoutMs: timeoutMs.optional(),
  },
  'an object with description, sql and access',
)

const query = object(
  {
    urlEnv: environmentName.describe('The connection of a role that may only read relations.'),
    description: text('a text').optional(),
    relations: list(catalogueName, 'a list of relations')
      .min(1, { error: 'at least one relation' })
      .describe('The tables and views that may be read: schema.name.'),
    functions: list(catalogueName, 'a list of functions')
      .default([])
      .describe('Functions outside pg_catalog that may be called: schema.name.'),
    rowsMax: rowsMax.default(200),
    bytesMax: bytesMax.default(262_144),
    timeoutMs: timeoutMs.default(5000),
    connectionsMax: connectionsMax.default(2),
  },
  'an object with urlEnv and relations',
).describe('A tool named query: one SELECT of the agent, read-only by a role of its own.')

export const sqlServer = object(
  {
    transport: z.literal('sql'),
    urlEnv: environmentName
      .optional()
      .describe('Where the server finds the URL for declared statements.'),
    writeUrlEnv: environmentName
      .optional()
      .describe('The URL for statements that write. Default: urlEnv.'),
    statements: map(name, statement, 'a map of statements').default({}),
    query: query.optional(),
    rowsMax: rowsMax.default(200),
    bytesMax: bytesMax.default(262_144),
    timeoutMs: timeoutMs.default(10_000).describe('Longest time of any call of this server.'),
    connectionsMax: connectionsMax.default(4),
  },
  'an object with transport and statements or query',
)

export type SqlServer = z.output<typeof sqlServer>
export type SqlStatement = SqlServer['statements'][string]
export type SqlParameter = SqlStatement['parameters'][string]
export type SqlQuery = NonNullable<SqlServer['query']>
