// Databases as tool servers: declared statements, and the read-only query of an agent.
import type { PoolClient } from 'pg'
import { AirworthyError, asAirworthyError } from '../../core/errors.ts'
import { canonicalJson } from '../../core/canonical.ts'
import { queryTool } from '../../core/pact/sql-meaning.ts'
import type { SqlQuery, SqlServer, SqlStatement } from '../../core/pact/sql-server-schema.ts'
import { hashTool } from '../pacts.ts'
import type { ListedTool, ToolBackend, ToolEnd, ToolRequest, ToolTarget } from '../tools/backend.ts'
import { failedEnd } from './ends.ts'
import { listQuery, listStatement } from './list-tools.ts'
import { endBackend, type PoolTarget, type SqlOptions, SqlPools } from './pools.ts'
import { checkQueryRole, describeFindings } from './query-role.ts'
import { runQuery } from './run-query.ts'
import { bindStatement, runStatement } from './run-statement.ts'
import { giveBack, Guard, type RunOptions } from './session.ts'

/** How long what the database said of its tools and of the query's role is trusted. */
const trustMs = 60_000
const trustedMax = 500
/** Of one look at the catalogue, or at one statement. */
const checkMs = 15_000
const checkBytesMax = 16 * 1024 * 1024

type Trusted<Value> = { readonly untilMs: number; readonly value: Promise<Value> }

export class SqlBackend implements ToolBackend<SqlServer> {
  readonly #pools: SqlPools
  readonly #log: SqlOptions['log']
  readonly #hashes = new Map<string, Trusted<ReadonlyMap<string, string>>>()
  readonly #roles = new Map<string, Trusted<void>>()

  constructor(options: SqlOptions) {
    this.#log = options.log
    this.#pools = new SqlPools(options)
  }

  /** Throws `sql.statement_invalid`, `sql.role_unsafe`, or what a connection throws. */
  async list(name: string, server: SqlServer): Promise<readonly ListedTool[]> {
    const tools: ListedTool[] = []
    for (const [tool, statement] of Object.entries(server.statements)) {
      const named = { name: tool, statement }
      tools.push(
        await this.#useOnce(statementTarget(name, server, statement), (client) =>
          listStatement(client, name, named),
        ),
      )
    }
    const { query } = server
    if (query === undefined) return tools
    const key = keyOf(name, server)
    this.#roles.delete(key)
    await this.#checkRole(name, server, query)
    const listed = await this.#useOnce(queryTarget(name, query), (client) =>
      listQuery(client, query),
    )
    return [...tools, listed]
  }

  async hashOf({ name, server, tool }: ToolTarget<SqlServer>): Promise<string | undefined> {
    try {
      const hashes = await trust(this.#hashes, keyOf(name, server), async () => {
        const tools = await this.list(name, server)
        return new Map(tools.map((listed) => [listed.name, hashListed(name, listed)]))
      })
      return hashes.get(tool)
    } catch {
      return undefined
    }
  }

  async call(target: ToolTarget<SqlServer>, request: ToolRequest): Promise<ToolEnd> {
    const { name, server, tool } = target
    try {
      const statement = server.statements[tool]
      if (Object.hasOwn(server.statements, tool) && statement !== undefined) {
        return await this.#runStatement(target, statement, request)
      }
      if (tool === queryTool && server.query !== undefined) {
        return await this.#runQuery(target, server.query, request)
      }
      return failedEnd('tool.unknown', `the database ${name} has no tool ${tool}`)
    } catch (thrown) {
      // All of it comes before a statement is sent: connections, the role, the arguments.
      return { kind: 'failed', error: asAirworthyError(thrown) }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pools[Symbol.asyncDispose]()
  }

  async #runStatement(
    { name, server }: ToolTarget<SqlServer>,
    statement: SqlStatement,
    request: ToolRequest,
  ): Promise<ToolEnd> {
    const deadline = performance.now() + (statement.timeoutMs ?? server.timeoutMs)
    const effectKey = request.meta['airworthy/effect-key']
    if (statement.effectKey !== undefined && typeof effectKey !== 'string') {
      return failedEnd('tool.arguments_invalid', 'the statement stores an effect key, and has none')
    }
    const bound = bindStatement(statement, {
      args: request.args,
      ...(typeof effectKey === 'string' ? { effectKey } : {}),
    })
    const target = statementTarget(name, server, statement)
    const client = await this.#pools.connect(target)
    const limits = {
      rowsMax: statement.rowsMax ?? server.rowsMax,
      bytesMax: server.bytesMax,
      deadline,
    }
    return runStatement(client, bound, this.#runOptions(target, limits, request))
  }

  async #runQuery(
    { name, server }: ToolTarget<SqlServer>,
    query: SqlQuery,
    request: ToolRequest,
  ): Promise<ToolEnd> {
    const sql = request.args['sql']
    if (typeof sql !== 'string') return failedEnd('tool.arguments_invalid', 'sql is not a text')
    try {
      await this.#checkRole(name, server, query)
    } catch (thrown) {
      const error = asAirworthyError(thrown)
      if (error.code !== 'sql.role_unsafe') throw error
      // What the role may do is for the operator to know, and not for the agent.
      return failedEnd(error.code, 'an operator must mend the role of the query', thrown)
    }
    const { rowsMax, bytesMax, timeoutMs } = query
    const target = queryTarget(name, query)
    const client = await this.#pools.connect(target)
    const limits = { rowsMax, bytesMax, deadline: performance.now() + timeoutMs }
    return runQuery(client, { sql, query }, this.#runOptions(target, limits, request))
  }

  #runOptions(
    target: PoolTarget,
    limits: RunOptions['limits'],
    { signal, live }: ToolRequest,
  ): RunOptions {
    const onCut = (pid: number): void => {
      this.#useOnce(target, (client) => endBackend(client, pid)).catch(() => undefined)
    }
    return { limits, signal, live, onCut }
  }

  /** Rights change after enrolment too, so the role is looked at again now and then. */
  #checkRole(name: string, server: SqlServer, query: SqlQuery): Promise<void> {
    return trust(this.#roles, keyOf(name, server), async () => {
      const findings = await this.#useOnce(queryTarget(name, query), (client) =>
        checkQueryRole(client, query),
      )
      if (findings.length === 0) return
      const message = describeFindings(name, findings)
      this.#log(message)
      throw new AirworthyError('sql.role_unsafe', message, { detail: { findings } })
    })
  }

  /** On a new connection that serves nothing else: a role's own settings count from its start. */
  async #useOnce<Value>(
    target: PoolTarget,
    work: (client: PoolClient) => Promise<Value>,
  ): Promise<Value> {
    const client = await this.#pools.connect(target)
    const deadline = performance.now() + checkMs
    const limits = { rowsMax: 0, bytesMax: checkBytesMax, deadline }
    using guard = new Guard(client, { limits, signal: undefined, onCut: () => undefined })
    try {
      return await work(client)
    } catch (cause) {
      if (guard.cause === undefined) throw cause
      const message = `the database ${target.server} did not answer in time`
      throw new AirworthyError('upstream.timeout', message, { cause })
    } finally {
      giveBack(client, false)
    }
  }
}

/** What is known, while it is trusted; a failure is forgotten at once. */
function trust<Value>(
  known: Map<string, Trusted<Value>>,
  key: string,
  find: () => Promise<Value>,
): Promise<Value> {
  const now = performance.now()
  const trusted = known.get(key)
  if (trusted !== undefined && trusted.untilMs > now) return trusted.value
  if (known.size >= trustedMax) known.clear()
  const found = { untilMs: now + trustMs, value: find() }
  known.set(key, found)
  found.value.catch(() => {
    if (known.get(key) === found) known.delete(key)
  })
  return found.value
}

function statementTarget(name: string, server: SqlServer, statement: SqlStatement): PoolTarget {
  const { urlEnv, writeUrlEnv, connectionsMax } = server
  const variable = statement.access === 'write' ? (writeUrlEnv ?? urlEnv) : urlEnv
  if (variable === undefined) {
    throw new AirworthyError('upstream.unreachable', `the database ${name} has no urlEnv`)
  }
  return { server: name, urlEnv: variable, connectionsMax }
}

function queryTarget(name: string, { urlEnv, connectionsMax }: SqlQuery): PoolTarget {
  return { server: name, urlEnv, connectionsMax }
}

function keyOf(name: string, server: SqlServer): string {
  return `${name} ${canonicalJson(server)}`
}

function hashListed(server: string, tool: ListedTool): string {
  const { name, description, inputSchema, outputSchema } = tool
  return hashTool({ name: `${server}/${name}`, description, inputSchema, outputSchema })
}
