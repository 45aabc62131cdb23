// From the text of a manifest to a typed manifest, or to everything that is wrong with it.
import type { z } from 'zod'
import { checkMeaning } from './meaning.ts'
import { manifestJsonSchema, manifestSchema } from './manifest-schema.ts'
import type { Manifest } from './manifest-schema.ts'
import { readSource } from './manifest-source.ts'
import type { Source } from './manifest-source.ts'
import { formatPath, parsePath, problemAt } from './problem.ts'
import type { PactProblem, PathStep, Problem } from './problem.ts'
import { hint } from './suggest.ts'

export { manifestJsonSchema } from './manifest-schema.ts'
export type { Manifest } from './manifest-schema.ts'
export { locate, placeProblems } from './manifest-source.ts'
export { formatProblem } from './problem.ts'
export type { Problem } from './problem.ts'

export type ManifestOutcome =
  | { readonly kind: 'ok'; readonly manifest: Manifest }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

/**
 * Reads a manifest from YAML or JSON. A wrong one is refused whole, with all problems of its shape
 * at once; when the shape is right, with all problems of its meaning that need no tool server.
 */
export function parseManifest(text: string, file: string): ManifestOutcome {
  const read = readSource(text, file)
  if (read.kind === 'invalid') return read
  const { source } = read
  const parsed = manifestSchema.safeParse(source.value)
  const problems = parsed.success
    ? checkMeaning(parsed.data).map((problem) => placed(problem, { source, file }))
    : parsed.error.issues.flatMap((issue) => issueProblems(issue, { source, file }))
  if (parsed.success && problems.length === 0) return { kind: 'ok', manifest: parsed.data }
  const inOrder = problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  return { kind: 'invalid', problems: inOrder }
}

type Where = { readonly source: Source; readonly file: string; readonly key?: boolean }

function placed(problem: PactProblem, where: Where): Problem {
  const steps = parsePath(problem.path) ?? []
  const position = where.source.positionOf(steps, { key: where.key ?? false })
  return { ...problem, file: where.file, ...position }
}

function issueProblems(issue: z.core.$ZodIssue, where: Where): Problem[] {
  const path = issue.path.filter((step): step is PathStep => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path)
    return issue.keys.map((key) => {
      const expected = known.length === 0 ? 'no key' : `one of ${known.join(', ')}`
      const message = `unknown key, expected ${expected}${hint(key, known)}`
      const problem = { path: formatPath([...path, key]), value: key, expected, message }
      return placed(problem, { ...where, key: true })
    })
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? issue.message
    return [placed(problemAt(path, { value: path.at(-1), expected }), { ...where, key: true })]
  }
  if (issue.code === 'invalid_union') {
    // The one option that the author can have meant says what is wrong within it.
    const [meant, other] = issue.errors.filter((issues) => issues.every(isWithin))
    if (meant !== undefined && other === undefined) {
      return meant.flatMap((inner) =>
        issueProblems({ ...inner, path: [...path, ...inner.path] }, where),
      )
    }
  }
  const value = valueAt(where.source.value, path)
  return [placed(problemAt(path, { value, expected: issue.message }), where)]
}

function isWithin(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys'
}

function valueAt(root: unknown, path: readonly PathStep[]): unknown {
  let value = root
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = Reflect.get(value, step)
  }
  return value
}

/** The keys that an object at this path may have, read from the JSON Schema. */
function knownKeys(path: readonly PathStep[]): string[] {
  let schemas: unknown[] = [manifestJsonSchema()]
  for (const step of path) {
    schemas = schemas.flatMap((schema) =>
      typeof step === 'number'
        ? alternatives(field(schema, 'items'))
        : alternatives(
            field(field(schema, 'properties'), step) ?? field(schema, 'additionalProperties'),
          ),
    )
  }
  return schemas.flatMap((schema) => {
    const properties = field(schema, 'properties')
    return typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
  })
}

function alternatives(schema: unknown): unknown[] {
  const options = field(schema, 'anyOf') ?? field(schema, 'oneOf')
  return Array.isArray(options) ? options : [schema]
}

function field(schema: unknown, key: string): unknown {
  if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, key)) return undefined
  return Reflect.get(schema, key)
}
