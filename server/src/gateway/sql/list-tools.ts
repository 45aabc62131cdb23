// The tools of a database, as enrolment pins them: each statement is prepared by the database, and
// the query tool tells what it may read.
import type { FieldDef, PoolClient } from 'pg'
import { AirworthyError } from '../../core/errors.ts'
import { queryTool } from '../../core/pact/sql-meaning.ts'
import type { SqlQuery, SqlStatement } from '../../core/pact/sql-server-schema.ts'
import type { ListedTool } from '../tools/backend.ts'
import { textOf } from '../tools/backends.ts'
import { bindStatement, cursor } from './run-statement.ts'
import { beginText, runOne } from './session.ts'
import { inputSchema, resultSchema } from './values.ts'

/** Characters of a query; of the list of relations in its description. */
export const sqlCharactersMax = 20_000
const relationsTextMax = 8000
const checkTimeoutMs = 10_000

/** Throws `sql.statement_invalid` with what the database says of it. Nothing is executed. */
export async function listStatement(
  client: PoolClient,
  server: string,
  named: { readonly name: string; readonly statement: SqlStatement },
): Promise<ListedTool> {
  const { name, statement } = named
  const bound = bindStatement(statement, { args: {} })
  let fields: readonly FieldDef[] | undefined
  try {
    const deadline = performance.now() + checkTimeoutMs
    await client.query(beginText({ access: 'read', deadline }))
    if (statement.access === 'read') {
      await runOne(client, `DECLARE ${cursor} NO SCROLL CURSOR FOR ${bound.text}`, bound.values)
      fields = (await client.query(`FETCH 0 FROM ${cursor}`)).fields
    } else {
      // Plans it and checks the rights of its role, and does not run it.
      await runOne(client, `EXPLAIN ${bound.text}`, bound.values)
    }
  } catch (cause) {
    const message = `the database ${server} refuses the statement ${name}: ${textOf(cause)}`
    throw new AirworthyError('sql.statement_invalid', message, { cause })
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
  return {
    name,
    description: statement.description,
    inputSchema: inputSchema(statement.parameters),
    outputSchema: resultSchema(fields),
  }
}

export async function listQuery(client: PoolClient, query: SqlQuery): Promise<ListedTool> {
  const { rows } = await client.query<{ relation: string }>(describeRelations, [query.relations])
  const relations = rows.map((row) => row.relation).join('\n')
  const told = query.description ?? 'Reads the database with one SELECT of PostgreSQL.'
  const limits = `At most ${query.rowsMax} rows and ${query.timeoutMs} ms; nothing can be changed.`
  return {
    name: queryTool,
    description: `${told}\n${limits}\nIt may read:\n${relations.slice(0, relationsTextMax)}`,
    inputSchema: {
      type: 'object',
      properties: { sql: { type: 'string', minLength: 1, maxLength: sqlCharactersMax } },
      required: ['sql'],
      additionalProperties: false,
    },
    outputSchema: resultSchema(undefined),
  }
}

const describeRelations = `SELECT format('%I.%I(%s)', n.nspname, c.relname,
      string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
        ORDER BY a.attnum)) AS relation
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE concat(n.nspname, '.', c.relname) = ANY ($1::text[])
    AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
  GROUP BY n.nspname, c.relname ORDER BY 1`
