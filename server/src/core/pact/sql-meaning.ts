// What is wrong with the databases of a manifest, as far as it can be known without asking them.
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import type { PactProblem, PathStep } from './problem.ts'
import { endOfComment, placeholderNames, splitPlaceholders } from './sql-placeholders.ts'
import type { SqlParameter, SqlServer, SqlStatement } from './sql-server-schema.ts'
import { hint } from './suggest.ts'

/** The tool of the free query; no statement may have its name. */
export const queryTool = 'query'

export function checkSqlServers(manifest: Manifest): PactProblem[] {
  return Object.entries(manifest.toolServers).flatMap(([name, server]) =>
    server.transport === 'sql' ? checkServer(manifest, name, server) : [],
  )
}

function checkServer(manifest: Manifest, name: string, server: SqlServer): PactProblem[] {
  const path = ['toolServers', name]
  const statements = Object.entries(server.statements)
  const problems = statements.flatMap(([tool, statement]) => {
    const at = [...path, 'statements', tool]
    const contract = manifest.tools[`${name}/${tool}`]
    return [
      ...checkStatement(at, statement),
      ...checkTime(at, server, statement.timeoutMs),
      ...(contract?.effect === 'read' && statement.access === 'write'
        ? [problemAt(['tools', `${name}/${tool}`, 'effect'], wrongEffect)]
        : []),
    ]
  })
  if (statements.length === 0 && server.query === undefined) {
    problems.push(problemAt(path, { value: undefined, expected: 'statements, or a query' }))
  }
  if (statements.length > 0 && server.urlEnv === undefined) {
    const expected = 'the environment variable with the URL for the statements'
    problems.push(problemAt([...path, 'urlEnv'], { value: undefined, expected }))
  }
  if (server.query === undefined) return problems
  if (Object.hasOwn(server.statements, queryTool)) {
    const expected = 'another name, because this one is the query tool'
    problems.push(problemAt([...path, 'statements', queryTool], { value: queryTool, expected }))
  }
  return [...problems, ...checkTime([...path, 'query'], server, server.query.timeoutMs)]
}

const wrongEffect = { value: 'read', expected: 'an effect of a write, as its statement says' }

function checkTime(path: PathStep[], server: SqlServer, timeoutMs?: number): PactProblem[] {
  if (timeoutMs === undefined || timeoutMs <= server.timeoutMs) return []
  const expected = `at most the timeoutMs of its server, ${server.timeoutMs}`
  return [problemAt([...path, 'timeoutMs'], { value: timeoutMs, expected })]
}

const writes = /^(insert|update|delete|merge|with|select)\b/i

function checkStatement(path: PathStep[], statement: SqlStatement): PactProblem[] {
  const { sql, parameters, effectKey, access } = statement
  const declared = Object.keys(parameters)
  const bound = effectKey === undefined ? declared : [...declared, effectKey]
  const used = placeholderNames(sql)
  const problems = Object.entries(parameters).flatMap(([name, parameter]) => [
    ...(used.includes(name) ? [] : [unused([...path, 'parameters', name], name)]),
    ...checkParameter([...path, 'parameters', name], parameter),
  ])
  for (const name of used.filter((one) => !bound.includes(one))) {
    const expected = 'a parameter that is declared in parameters'
    const found = { value: `:${name}`, expected, hint: hint(name, bound) }
    problems.push(problemAt([...path, 'sql'], found))
  }
  const numbered = splitPlaceholders(sql).find((piece) => piece.kind === 'positional')
  if (numbered !== undefined) {
    const found = { value: numbered.text, expected: 'a parameter by name, as :name' }
    problems.push(problemAt([...path, 'sql'], found))
  }
  if (access === 'write' && !writes.test(afterComments(sql))) {
    const expected = 'one INSERT, UPDATE, DELETE, MERGE, WITH or SELECT'
    problems.push(problemAt([...path, 'sql'], { value: sql, expected }))
  }
  if (effectKey === undefined) return problems
  const at = [...path, 'effectKey']
  if (!used.includes(effectKey)) problems.push(unused(at, effectKey))
  if (declared.includes(effectKey)) {
    const expected = 'a name that is not in parameters: the agent does not give the effect key'
    problems.push(problemAt(at, { value: effectKey, expected }))
  }
  if (access === 'read') {
    problems.push(problemAt(at, { value: effectKey, expected: 'nothing: a read has no effect' }))
  }
  return problems
}

function unused(path: PathStep[], name: string): PactProblem {
  return problemAt(path, {
    value: name,
    expected: `a parameter that the statement uses as :${name}`,
  })
}

const numbers: ReadonlySet<string> = new Set(['integer', 'bigint', 'numeric'])

function checkParameter(path: PathStep[], parameter: SqlParameter): PactProblem[] {
  const { type, min, max } = parameter
  const fields = type === 'text' ? (['min', 'max'] as const) : (['maxLength', 'enum'] as const)
  const misplaced = numbers.has(type) || type === 'text' ? fields : allBounds
  const problems = misplaced
    .filter((field) => parameter[field] !== undefined)
    .map((field) => {
      const expected = `nothing: a parameter of type ${type} has no ${field}`
      return problemAt([...path, field], { value: parameter[field], expected })
    })
  if (min !== undefined && max !== undefined && min > max) {
    problems.push(problemAt([...path, 'max'], { value: max, expected: `at least ${min}` }))
  }
  return problems
}

const allBounds = ['maxLength', 'enum', 'min', 'max'] as const

function afterComments(sql: string): string {
  let rest = sql.trimStart()
  for (;;) {
    if (rest.startsWith('/*')) rest = rest.slice(endOfComment(rest, 0)).trimStart()
    else if (rest.startsWith('--')) rest = rest.replace(/^--[^\r\n]*/, '').trimStart()
    else return rest
  }
}
