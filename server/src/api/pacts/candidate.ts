// A manifest that is not enrolled (yet): compiled against what its tool servers list now, tested,
// and looked through.
import { compilePact } from '../../core/pact/compile.ts'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import { type Finding, findSuspicious } from '../../core/pact/findings.ts'
import {
  type Manifest,
  parseManifest,
  placeProblems,
  type Problem,
} from '../../core/pact/manifest.ts'
import { failedTests, type PactTestResult, runPactTests } from '../../core/pact/pact-tests.ts'
import type { ApiDependencies, ListedTool } from '../dependencies.ts'
import { compileArguments } from './arguments-check.ts'

type Source = { readonly manifest: string; readonly file: string }
type Listed = Readonly<Record<string, ListedTool>>

export type Candidate =
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  | {
      readonly kind: 'ok'
      readonly manifest: Manifest
      readonly pact: CompiledPact
      readonly listed: Listed
    }

/** Throws `manifest.tool_server_unreachable`. */
export async function compileCandidate(
  { tools, prices }: Pick<ApiDependencies, 'tools' | 'prices'>,
  source: Source,
): Promise<Candidate> {
  const parsed = parseManifest(source.manifest, source.file)
  if (parsed.kind === 'invalid') return parsed
  const { manifest } = parsed
  const listed = await tools.list(manifest.toolServers)
  const compiled = compilePact(manifest, listed, { findPrice: prices.book.find })
  if (compiled.kind === 'ok') return { kind: 'ok', manifest, pact: compiled.pact, listed }
  const { manifest: text, file } = source
  return { kind: 'invalid', problems: placeProblems({ text, file, problems: compiled.problems }) }
}

export type Tested = {
  readonly results: readonly PactTestResult[]
  /** Tests that mean nothing, and tests that fail. */
  readonly problems: readonly Problem[]
  readonly failures: readonly Problem[]
}

type Compiled = {
  readonly manifest: Manifest
  readonly pact: CompiledPact
  readonly listed: Listed
}

/** Runs the tests of a pact; problems and failures have their places. */
export function testCandidate(compiled: Compiled, source: Source): Tested {
  const { manifest, pact, listed } = compiled
  // Only the schemas that tests ask for are compiled.
  const names = new Set((manifest.pact.tests ?? []).map((test) => test.call.tool ?? ''))
  const check = compileArguments(pact, listed, names)
  const { results, problems } = runPactTests(manifest, pact, check)
  const place = { text: source.manifest, file: source.file }
  return {
    results,
    problems: placeProblems({ ...place, problems }),
    failures: placeProblems({ ...place, problems: failedTests(results) }),
  }
}

export function findingsOf(
  compiled: Compiled,
  results: readonly PactTestResult[],
): readonly Finding[] {
  const { manifest, pact, listed } = compiled
  return findSuspicious({ manifest, pact, toolSchemas: listed, tests: results })
}
