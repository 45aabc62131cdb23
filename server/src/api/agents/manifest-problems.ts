import type { ManifestProblem } from '@airworthy/sdk'
import { AirworthyError } from '../../core/errors.ts'
import type { Problem } from '../../core/pact/manifest.ts'

const problemsMax = 100

/** As the wire shows them; at most 100. */
export function presentProblems(problems: readonly Problem[]): ManifestProblem[] {
  return problems.slice(0, problemsMax).map(({ code: _code, ...problem }) => ({
    ...problem,
    // YAML can hold integers that JSON numbers cannot.
    value: typeof problem.value === 'bigint' ? String(problem.value) : problem.value,
  }))
}

/** The refusal of a manifest, with every problem and its place. */
export function refuseManifest(problems: readonly Problem[]): AirworthyError {
  const shown = presentProblems(problems)
  const count = problems.length
  // One code of its own: whoever automates enrolment can tell a missing price from a mistake.
  const isPrice = count > 0 && problems.every((problem) => problem.code === 'model.price_unknown')
  return new AirworthyError(
    isPrice ? 'model.price_unknown' : 'manifest.invalid',
    `the manifest has ${count} problem${count === 1 ? '' : 's'}; nothing was enrolled`,
    { detail: { problems: shown, count } },
  )
}
