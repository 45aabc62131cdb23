// What is wrong with a manifest, and where: a path for the pact, file:line:column for its author.

export type PathStep = string | number

/** Something wrong at a path of the manifest, such as `pact.permissions[2].when`. */
export type PactProblem = {
  readonly path: string
  readonly value: unknown
  readonly expected: string
  readonly message: string
  /** What a manifest is refused with where all its problems have this code. */
  readonly code?: 'model.price_unknown'
}

/** The same with its place in the text. */
export type Problem = PactProblem & {
  readonly file: string
  readonly line: number
  readonly column: number
}

const VALUE_SHOWN_MAX = 80

/** Makes a problem whose message says what was found and what was expected. */
export function problemAt(
  path: readonly PathStep[],
  found: { readonly value: unknown; readonly expected: string; readonly hint?: string },
): PactProblem {
  const message = `got ${showValue(found.value)}, expected ${found.expected}${found.hint ?? ''}`
  return { path: formatPath(path), value: found.value, expected: found.expected, message }
}

/** `agent.yaml:12:7 limits.session.calls: got "many", expected an integer >= 1` */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`
  return problem.path === ''
    ? `${place}: ${problem.message}`
    : `${place} ${problem.path}: ${problem.message}`
}

/**
 * `tools.retail/get_order.amount`, `models[0]`; a step that would be misread is quoted: `a["b.c"]`.
 */
export function formatPath(path: readonly PathStep[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_][\w/-]*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

const STEP = /(?:^|\.)([A-Za-z_][\w/-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y

/** The steps of a path that `formatPath` wrote; undefined for any other text. */
export function parsePath(text: string): readonly PathStep[] | undefined {
  const steps: PathStep[] = []
  STEP.lastIndex = 0
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text)
    if (match === null) return undefined
    const [, name, index, quoted] = match
    if (name !== undefined) steps.push(name)
    else if (index !== undefined) steps.push(Number(index))
    else if (quoted !== undefined) steps.push(String(JSON.parse(quoted)))
  }
  return steps
}

function showValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  if (text === undefined) return typeof value
  return text.length <= VALUE_SHOWN_MAX ? text : `${text.slice(0, VALUE_SHOWN_MAX - 3)}...`
}
