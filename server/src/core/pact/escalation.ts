// From a manifest's `pact.escalation` to the triggers of each tool.
import type {
  BoundTrigger,
  CompiledEscalation,
  EncounterKind,
  ReplyReading,
  Watching,
} from '../escalation/escalation.ts'
import { decimalToUnits } from '../effect/amount.ts'
import { doubtPhrases } from '../escalation/doubt-phrases.ts'
import { escalateAction } from '../escalation/own-tool.ts'
import { plainWords } from '../escalation/plain-words.ts'
import { isReservedToolName } from './gateway-tools.ts'
import type { CompiledTool } from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import type { PactProblem } from './problem.ts'
import { compileGlob } from './selector.ts'
import { hint } from './suggest.ts'

type Declared = NonNullable<Manifest['pact']['escalation']>

/** Undefined for most: nothing is asked then. */
export function compileEscalation(
  manifest: Manifest,
  tools: readonly CompiledTool[],
): CompiledEscalation | undefined {
  const declared = manifest.pact.escalation
  if (declared === undefined) return undefined
  const byTool = new Map<string, readonly BoundTrigger[]>()
  for (const tool of tools) {
    const bound = bindTriggers(declared, { manifest, tool })
    if (bound.length > 0) byTool.set(`${tool.server}/${tool.tool}`, bound)
  }
  const anomaly = declared.anomaly && bindAnomaly(declared.anomaly)
  return {
    tools: byTool,
    models: anomaly !== undefined && declared.anomaly?.models === true ? [anomaly] : [],
    reply: compileReading(declared, manifest),
    watching: compileWatching(declared, tools),
    scorer: compileScorer(declared.confidence),
    offersTool: declared.doubt?.tool === true,
  }
}

function bindTriggers(
  declared: Declared,
  { manifest, tool }: { readonly manifest: Manifest; readonly tool: CompiledTool },
): BoundTrigger[] {
  const name = `${tool.server}/${tool.tool}`
  const isWrite = tool.effectClass !== 'read'
  const isAsked = (trigger: { readonly tools?: readonly string[] | undefined }): boolean =>
    trigger.tools?.some((pattern) => compileGlob(pattern)(name)) ?? isWrite
  const { materiality, confidence, competence, firstEncounter, doubt, anomaly, taint } = declared
  const bound: BoundTrigger[] = []
  if (materiality !== undefined) {
    const classes = manifest.tools[name]?.dataClasses ?? []
    const dataClasses = classes.filter((each) => materiality.dataClasses?.includes(each) === true)
    // Data of a class that the pact names is material also where it is only read.
    if (isAsked(materiality) || (materiality.tools === undefined && dataClasses.length > 0)) {
      bound.push(bindMateriality(materiality, dataClasses))
    }
  }
  if (confidence !== undefined && isAsked(confidence)) bound.push(bindConfidence(confidence))
  if (competence !== undefined && isAsked(competence)) {
    bound.push({
      trigger: 'competence',
      consequence: competence.then,
      proven: provenOf(competence),
    })
  }
  if (firstEncounter !== undefined && isAsked(firstEncounter)) {
    const { then: consequence, of } = firstEncounter
    bound.push({ trigger: 'firstEncounter', consequence, of: new Set(of) })
  }
  if (doubt !== undefined && isAsked(doubt)) {
    bound.push({ trigger: 'doubt', consequence: doubt.then, fields: doubt.fields })
  }
  if (anomaly !== undefined && isAsked(anomaly)) bound.push(bindAnomaly(anomaly))
  if (taint !== undefined && isAsked(taint)) {
    bound.push({ trigger: 'taint', consequence: taint.then, after: taint.after })
  }
  return bound
}

function bindMateriality(
  declared: NonNullable<Declared['materiality']>,
  dataClasses: readonly string[],
): BoundTrigger {
  const amounts = Object.entries(declared.amounts ?? {})
  return {
    trigger: 'materiality',
    consequence: declared.then,
    amounts: new Map(amounts.map(([currency, minor]) => [currency, BigInt(minor)])),
    writes: declared.writes,
    dataClasses,
  }
}

function bindConfidence(declared: NonNullable<Declared['confidence']>): BoundTrigger {
  return {
    trigger: 'confidence',
    consequence: declared.then,
    statedMin: declared.statement?.min,
    logprobsMin: declared.logprobs?.min,
    argument: declared.argument,
    scorer: compileScorer(declared),
    isMissingFired: declared.missing === 'hold',
  }
}

function bindAnomaly(declared: NonNullable<Declared['anomaly']>): BoundTrigger {
  return { trigger: 'anomaly', consequence: declared.then, measures: new Set(declared.measures) }
}

function compileScorer(declared: Declared['confidence']): CompiledEscalation['scorer'] {
  if (declared?.scorer === undefined) return undefined
  const { tool, path, min } = declared.scorer
  return { tool, path: path.split('.'), min }
}

function provenOf(declared: NonNullable<Declared['competence']>): ReadonlySet<string> {
  const { provenTasks, minPassRate, minRuns } = declared
  const proven = Object.entries(provenTasks).filter(
    ([, { passed, of }]) => of >= minRuns && passed / of >= minPassRate,
  )
  return new Set(proven.map(([task]) => task))
}

function compileReading(declared: Declared, manifest: Manifest): ReplyReading | undefined {
  const { confidence, doubt } = declared
  const readsConfidence = confidence?.statement !== undefined || confidence?.logprobs !== undefined
  if (!readsConfidence && doubt === undefined) return undefined
  const patterns = readsConfidence ? confidence.models : doubt?.models
  const names = manifest.models.map((model) => model.name)
  return {
    models:
      patterns === undefined
        ? undefined
        : new Set(patterns.flatMap((pattern) => names.filter(compileGlob(pattern)))),
    statedPath: confidence?.statement?.path.split('.'),
    readsLogprobs: confidence?.logprobs !== undefined,
    phrases: doubt === undefined ? [] : (doubt.phrases ?? doubtPhrases).map(plainWords),
    fields: (doubt?.fields ?? []).map((path) => path.split('.')),
  }
}

function compileWatching(declared: Declared, tools: readonly CompiledTool[]): Watching | undefined {
  const { firstEncounter, anomaly } = declared
  if (firstEncounter === undefined && anomaly === undefined) return undefined
  const { learning } = firstEncounter ?? {}
  const ofContracts = tools.flatMap(({ server, tool, contract }) => {
    const path = contract.money?.counterparty
    return path === undefined ? [] : [[`${server}/${tool}`, path] as const]
  })
  const declaredHere = Object.entries(firstEncounter?.counterparties ?? {})
  const ofPact = declaredHere.map(([tool, path]) => [tool, path.split('.')] as const)
  const dayMs = 86_400_000
  return {
    encounters: new Set<EncounterKind>(firstEncounter?.of ?? []),
    counterparties: new Map<string, readonly string[]>([...ofContracts, ...ofPact]),
    learning: learning && { calls: learning.calls, ms: learning.days * dayMs },
    rates: anomaly && {
      measures: new Set(anomaly.measures),
      deviations: anomaly.deviations,
      hoursMin: anomaly.minHours,
      callsMin: anomaly.atLeast.calls,
      nanoUsdMin: decimalToUnits(anomaly.atLeast.spendUsd, 9) ?? 0n,
    },
  }
}

/** What is wrong with the triggers of a manifest, as far as it can be known without its servers. */
export function checkEscalation(manifest: Manifest): PactProblem[] {
  const declared = manifest.pact.escalation
  if (declared === undefined) return []
  const at = ['pact', 'escalation']
  return [
    ...checkNothingAsked(declared, at),
    ...checkPhrases(declared, at),
    ...checkGlobs(manifest, declared, at),
    ...checkTasks(manifest, declared, at),
    ...checkTools(manifest, declared, at),
    ...checkOwnName(manifest, declared),
  ]
}

/** Agents that doubt call `airworthy/escalate`, which no rule decides: no tool may have that name. */
function checkOwnName({ toolServers }: Manifest, { doubt }: Declared): PactProblem[] {
  const { server } = escalateAction
  if (doubt?.tool !== true || !Object.hasOwn(toolServers, server)) return []
  const expected = "another name: this one is of the gateway's own tools"
  return [problemAt(['toolServers', server], { value: server, expected })]
}

/** A trigger that can never be met is a mistake, not a safeguard. */
function checkNothingAsked(declared: Declared, at: readonly string[]): PactProblem[] {
  const { materiality, confidence } = declared
  const problems: PactProblem[] = []
  const asksMateriality =
    materiality?.writes !== undefined ||
    Object.keys(materiality?.amounts ?? {}).length > 0 ||
    (materiality?.dataClasses ?? []).length > 0
  if (materiality !== undefined && !asksMateriality) {
    const expected = 'at least one of amounts, writes and dataClasses'
    problems.push(problemAt([...at, 'materiality'], { value: materiality, expected }))
  }
  const { statement, argument, logprobs, scorer } = confidence ?? {}
  const sources = [statement, argument, logprobs, scorer].filter((each) => each !== undefined)
  if (confidence !== undefined && sources.length === 0) {
    const expected = 'at least one of statement, argument, logprobs and scorer'
    problems.push(problemAt([...at, 'confidence'], { value: confidence, expected }))
  }
  return problems
}

/** Every reply has nothing in it. */
function checkPhrases({ doubt }: Declared, at: readonly string[]): PactProblem[] {
  return (doubt?.phrases ?? []).flatMap((phrase, index) => {
    if (plainWords(phrase).trim() !== '') return []
    const found = { value: phrase, expected: 'a phrase with words' }
    return [problemAt([...at, 'doubt', 'phrases', index], found)]
  })
}

function checkGlobs(manifest: Manifest, declared: Declared, at: readonly string[]): PactProblem[] {
  const tools = Object.keys(manifest.tools)
  const models = manifest.models.map((model) => model.name)
  return Object.entries(declared).flatMap(([trigger, settings]) => {
    const lists = [
      { field: 'tools', patterns: settings?.tools ?? [], known: tools },
      { field: 'models', patterns: modelsOf(settings), known: models },
    ]
    return lists.flatMap(({ field, patterns, known }) =>
      patterns.flatMap((pattern, index) => {
        if (known.some(compileGlob(pattern))) return []
        const expected = `a pattern that matches one of the ${field} of this manifest`
        const found = { value: pattern, expected, hint: hint(pattern, known) }
        return [problemAt([...at, trigger, field, index], found)]
      }),
    )
  })
}

function modelsOf(settings: Declared[keyof Declared]): readonly string[] {
  if (settings === undefined || !('models' in settings)) return []
  return Array.isArray(settings.models) ? settings.models : []
}

function checkTasks(
  manifest: Manifest,
  { competence }: Declared,
  at: readonly string[],
): PactProblem[] {
  const { tasks } = manifest
  if (competence === undefined) return []
  return Object.entries(competence.provenTasks).flatMap(([name, { passed, of }]) => {
    const path = [...at, 'competence', 'provenTasks', name]
    const problems: PactProblem[] = []
    if (passed > of) {
      problems.push(problemAt([...path, 'passed'], { value: passed, expected: 'at most `of`' }))
    }
    if (tasks !== undefined && !Object.hasOwn(tasks, name)) {
      const expected = 'a task of this manifest'
      const found = { value: name, expected, hint: hint(name, Object.keys(tasks)) }
      problems.push(problemAt(path, found))
    }
    return problems
  })
}

function checkTools(
  manifest: Manifest,
  { firstEncounter, confidence }: Declared,
  at: readonly string[],
): PactProblem[] {
  const problems: PactProblem[] = []
  const known = Object.keys(manifest.tools)
  for (const name of Object.keys(firstEncounter?.counterparties ?? {})) {
    if (Object.hasOwn(manifest.tools, name)) continue
    const found = { value: name, expected: 'a tool with a contract', hint: hint(name, known) }
    problems.push(problemAt([...at, 'firstEncounter', 'counterparties', name], found))
  }
  const scorer = confidence?.scorer
  if (scorer === undefined) return problems
  const server = scorer.tool.slice(0, scorer.tool.indexOf('/'))
  const bare = scorer.tool.slice(server.length + 1)
  if (Object.hasOwn(manifest.toolServers, server) && !isReservedToolName(bare)) return problems
  const servers = Object.keys(manifest.toolServers)
  const expected = 'a tool of one of the tool servers'
  const found = { value: scorer.tool, expected, hint: hint(server, servers) }
  return [...problems, problemAt([...at, 'confidence', 'scorer', 'tool'], found)]
}
