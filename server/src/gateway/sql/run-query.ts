// A free query of an agent. What holds it: a role that may only read what is declared; a READ ONLY
// transaction whose first snapshot is taken, so that it stays one; DECLARE CURSOR, whose grammar
// takes one query and nothing else; the locks that PostgreSQL itself took for it, which name every
// relation that it touches; one FETCH under the time limit; a connection that is thrown away.
import type { PoolClient } from 'pg'
import type { SqlQuery } from '../../core/pact/sql-server-schema.ts'
import type { ToolEnd } from '../tools/backend.ts'
import { databaseRefusal, isAnswer, refusalEnd, uncommittedEnd } from './ends.ts'
import { findRefusedFunction } from './function-gate.ts'
import { readQueryNames } from './query-text.ts'
import { cursor, cutEnd, readEnd, requireLive } from './run-statement.ts'
import {
  beginText,
  fetchRows,
  giveBack,
  Guard,
  remainingMs,
  type RunOptions,
  runOne,
} from './session.ts'

const prefix = `DECLARE ${cursor} NO SCROLL CURSOR FOR `

/** Runs the agent's text and throws the connection away. Never throws. */
export async function runQuery(
  client: PoolClient,
  asked: { readonly sql: string; readonly query: SqlQuery },
  options: RunOptions,
): Promise<ToolEnd> {
  using guard = new Guard(client, options)
  try {
    return await runGuarded(client, asked, { ...options, guard })
  } catch (thrown) {
    return cutEnd(guard, options.limits) ?? uncommittedEnd(thrown, prefix.length)
  } finally {
    giveBack(client, false)
  }
}

async function runGuarded(
  client: PoolClient,
  { sql, query }: { readonly sql: string; readonly query: SqlQuery },
  run: RunOptions & { readonly guard: Guard },
): Promise<ToolEnd> {
  const { limits } = run
  const names = readQueryNames(sql)
  if (names.refused !== undefined) {
    return refusalEnd('sql.not_permitted', `the query uses ${names.refused}`)
  }
  // Before the transaction, so that its locks are the query's own.
  const refused = await findRefusedFunction(client, names.called, query.functions)
  if (refused !== undefined) {
    const message = `the function ${refused} may not be called in a query`
    return refusalEnd('sql.not_permitted', message)
  }
  const hidden = await findHiddenRelation(client, query.relations, names.named)
  if (hidden !== undefined) {
    return refusalEnd('sql.not_permitted', `the query names ${hidden}, which is not declared`)
  }
  const begin = beginText({ access: 'read', deadline: limits.deadline, more: settings(query) })
  // SELECT takes the first snapshot: after it, nothing can make the transaction writable.
  await client.query(`${begin}; SELECT 1`)
  requireLive(run)
  await runOne(client, `${prefix}${sql}`)
  const foreign = await findForeignRelation(client, query.relations)
  if (foreign !== undefined) {
    const message = `the query reads ${foreign}; it may read ${query.relations.join(', ')}`
    return refusalEnd('sql.not_permitted', message)
  }
  // DECLARE has taken its part of the time.
  await client.query(`SET LOCAL statement_timeout = ${remainingMs(limits.deadline)}`)
  const text = `FETCH FORWARD ${limits.rowsMax + 1} FROM ${cursor}`
  try {
    return readEnd(await fetchRows(client, { text }, run), limits)
  } catch (thrown) {
    // Positions of errors in here count in no text that the agent wrote.
    if (isAnswer(thrown)) return databaseRefusal(thrown)
    throw thrown
  }
}

/** Declared schemas are searched, so that plain names work; temporary objects come last. */
function settings(query: SqlQuery): string[] {
  const schemas = new Set(query.relations.map((name) => name.slice(0, name.indexOf('.'))))
  const path = [...schemas].map((schema) => `"${schema}"`).join(', ')
  return [
    `search_path = ${path}, pg_temp`,
    "work_mem = '16MB'",
    'hash_mem_multiplier = 1',
    'max_parallel_workers_per_gather = 0',
    'jit = off',
    'row_security = on',
  ]
}

/**
 * The type of a table's rows tells its columns, and no lock: so the names of tables that are not
 * declared may not stand in a query, unless a declared one has a column of that name.
 */
const findHidden = `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE c.relname OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.name[])
    AND c.reltype OPERATOR(pg_catalog.<>) 0
    AND n.nspname::pg_catalog.text OPERATOR(pg_catalog.<>)
      ALL ('{pg_catalog,information_schema,pg_toast}'::pg_catalog.text[])
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND pg_catalog.concat(n.nspname, '.', c.relname)
      OPERATOR(pg_catalog.<>) ALL ($1::pg_catalog.text[])
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
      JOIN pg_catalog.pg_class d ON d.oid OPERATOR(pg_catalog.=) a.attrelid
      JOIN pg_catalog.pg_namespace m ON m.oid OPERATOR(pg_catalog.=) d.relnamespace
      WHERE a.attname OPERATOR(pg_catalog.=) c.relname
        AND pg_catalog.concat(m.nspname, '.', d.relname)
          OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[]))
  LIMIT 1`

async function findHiddenRelation(
  client: PoolClient,
  declared: readonly string[],
  named: readonly string[],
): Promise<string | undefined> {
  const { rows } = await client.query<{ relation: string }>(findHidden, [declared, named])
  return rows[0]?.relation
}

/** Names no relation, and so adds no lock to those that it reads. */
const findLocked = `SELECT DISTINCT l.relation::pg_catalog.text AS relation
  FROM pg_catalog.pg_lock_status() l
  WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
    AND l.locktype OPERATOR(pg_catalog.=) 'relation'`

const findForeign = `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE c.oid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
    AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,v,m,f,p,S}'::pg_catalog."char"[])
    AND NOT pg_catalog.concat(n.nspname, '.', c.relname)
      OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[])
    AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
  LIMIT 1`

/**
 * PostgreSQL has locked every relation of the declared cursor, those below a view included, and
 * holds the locks until the transaction ends. Those that the role may read by itself must be
 * declared; those that it may not were reached through a view, with the rights of the view's owner.
 */
async function findForeignRelation(
  client: PoolClient,
  declared: readonly string[],
): Promise<string | undefined> {
  const locked = await client.query<{ relation: string }>(findLocked)
  const oids = locked.rows.map((row) => row.relation)
  const { rows } = await client.query<{ relation: string }>(findForeign, [oids, declared])
  return rows[0]?.relation
}
