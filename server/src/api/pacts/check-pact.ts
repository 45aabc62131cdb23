// POST /v1/pacts/check: what enrolment would say of a manifest, its tests, and what is suspicious
// in it. Nothing is stored.
import type { CheckPact, PactCheck, PactFinding, PactTestOutcome } from '@airworthy/sdk'
import { z } from 'zod'
import type { Finding } from '../../core/pact/findings.ts'
import { placeProblems, type Problem } from '../../core/pact/manifest.ts'
import type { PactTestResult } from '../../core/pact/pact-tests.ts'
import { presentProblems } from '../agents/manifest-problems.ts'
import { presentReasons, reasonSchema, verdictSchema } from '../calls/call.ts'
import { defineOperation } from '../operation.ts'
import { compileCandidate, findingsOf, testCandidate } from './candidate.ts'
import { manifestSource } from './manifest-source.ts'

const findingsMax = 1_000

const body: z.ZodType<CheckPact> = z.strictObject(manifestSource).meta({ id: 'CheckPact' })

const place = { line: z.int(), column: z.int(), path: z.string() }

const problemSchema = z
  .object({
    ...place,
    file: z.string(),
    value: z.unknown(),
    expected: z.string(),
    message: z.string(),
  })
  .meta({ id: 'ManifestProblem' })

const findingSchema = z
  .object({
    ...place,
    severity: z.enum(['warning', 'note']),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'PactFinding' }) satisfies z.ZodType<PactFinding>

const testSchema = z
  .object({
    ...place,
    name: z.string(),
    passed: z.boolean(),
    expected: z.object({
      verdict: verdictSchema,
      rule: z.string().nullable(),
      code: z.string().nullable(),
    }),
    got: z.object({
      verdict: verdictSchema,
      code: z.string().nullable(),
      reasons: z.array(reasonSchema),
    }),
    failure: z.string().nullable(),
  })
  .meta({ id: 'PactTestOutcome' }) satisfies z.ZodType<PactTestOutcome>

const reply: z.ZodType<PactCheck> = z
  .object({
    ok: z.boolean(),
    problems: z.array(problemSchema),
    findings: z.array(findingSchema),
    tests: z.array(testSchema),
    counts: z.object({ rules: z.int(), tools: z.int(), models: z.int() }).nullable(),
  })
  .meta({ id: 'PactCheck' })

export const checkPact = defineOperation({
  id: 'check-pact',
  method: 'POST',
  path: '/v1/pacts/check',
  summary: 'Check a manifest and run the tests of its pact, without enrolling it',
  roles: ['operator'],
  body,
  reply,
  errors: ['manifest.tool_server_unreachable'],
  run: async (context, { body: source }) => {
    const candidate = await compileCandidate(context, source)
    if (candidate.kind === 'invalid') return refused(candidate.problems)
    const tested = testCandidate(candidate, source)
    if (tested.problems.length > 0) return refused(tested.problems)
    const findings = findingsOf(candidate, tested.results).slice(0, findingsMax)
    const { rules, tools: contracts, models } = candidate.pact
    return {
      ok: tested.failures.length === 0,
      problems: [],
      findings: presentFindings(findings, source),
      tests: presentTests(tested.results, source),
      counts: { rules: rules.length, tools: contracts.size, models: models.size },
    }
  },
})

function refused(problems: readonly Problem[]): PactCheck {
  const shown = presentProblems(problems)
  return { ok: false, problems: shown, findings: [], tests: [], counts: null }
}

function presentFindings(findings: readonly Finding[], source: CheckPact): PactFinding[] {
  const places = placesOf(
    findings.map((finding) => finding.path),
    source,
  )
  return findings.map(({ severity, code, path, message }, index) => {
    return { severity, code, path, message, ...placeAt(places, index) }
  })
}

function presentTests(results: readonly PactTestResult[], source: CheckPact): PactTestOutcome[] {
  const paths = results.map(({ index }) => `pact.tests[${index}]`)
  const places = placesOf(paths, source)
  return results.map(({ name, expected, decision, failure }, index) => {
    const { verdict, rule = null, code = null } = expected
    return {
      name,
      path: paths[index] ?? '',
      ...placeAt(places, index),
      passed: failure === undefined,
      expected: { verdict, rule, code },
      got: {
        verdict: decision.verdict,
        code: decision.code ?? null,
        reasons: presentReasons(decision.reasons),
      },
      failure: failure ?? null,
    }
  })
}

/** The text is parsed once for all paths. */
function placesOf(paths: readonly string[], { manifest, file }: CheckPact): readonly Problem[] {
  const problems = paths.map((path) => ({ path, value: undefined, expected: '', message: '' }))
  return placeProblems({ text: manifest, file, problems })
}

function placeAt(places: readonly Problem[], index: number): { line: number; column: number } {
  const { line = 1, column = 1 } = places[index] ?? {}
  return { line, column }
}
