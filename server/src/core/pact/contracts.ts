// Tool contracts against the tools that the servers really have: templates, arguments, follow-up
// tools.
import { parse } from '@marcbachmann/cel-js'
import { findReferences, unknownArgument } from '../decision/rule-references.ts'
import { schemaProperties } from '../decision/argument-types.ts'
import { compileResultCondition } from '../decision/rule-environment.ts'
import { keyArgumentFault } from '../effect/key-argument.ts'
import { compilePostConditions } from '../effect/post-condition.ts'
import { parseTemplate, templatePaths } from '../effect/template.ts'
import type { Template } from '../effect/template.ts'
import { caip19 } from '../money/asset.ts'
import type {
  AmountUnit,
  ArgumentTemplates,
  CompiledAmount,
  CompiledContract,
  JsonSchemaObject,
  ToolSchemas,
} from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import type { PactProblem, PathStep } from './problem.ts'
import { hint } from './suggest.ts'

type Contract = Manifest['tools'][string]

type Check = {
  readonly tool: string
  readonly server: string
  readonly schemas: ToolSchemas
  readonly inputSchema: JsonSchemaObject
  readonly manifest: Manifest
  readonly problems: PactProblem[]
}

/** Compiles one contract; problems are added to the list, and then the answer must not be used. */
export function compileContract(
  contract: Contract,
  context: Omit<Check, 'server' | 'inputSchema'> & { readonly inputSchema: JsonSchemaObject },
): CompiledContract {
  const server = context.tool.slice(0, context.tool.indexOf('/'))
  const check: Check = { ...context, server }
  const path = ['tools', context.tool]
  return {
    effect: contract.effect,
    key: optionalTemplate(contract.key, [...path, 'key'], check),
    scope: contract.scope ?? 'session',
    windowSeconds: contract.windowSeconds,
    subject: optionalTemplate(contract.subject, [...path, 'subject'], check),
    amount: contract.amount && compileAmount(contract.amount, [...path, 'amount'], check),
    money: compileMoney(contract, path, check),
    keyArgument: compileKeyArgument(contract, path, check),
    otherArguments: compileOtherArguments(contract, path, check),
    waitFor: contract.waitFor,
    touches: (contract.touches ?? []).map((source, index) =>
      compileTemplate(source, { check, path: [...path, 'touches', index], roots: TOUCH_ROOTS }),
    ),
    ensures: compileEnsures(contract, path, check),
    undo: contract.undo && compileUndo(contract.undo, [...path, 'undo'], check),
    probe:
      contract.probe &&
      compileProbe(contract.probe, { check, path: [...path, 'probe'], roots: PROBE_ROOTS }),
    proof: contract.proof && compileProof(contract.proof, [...path, 'proof'], check),
  }
}

type Root = 'args' | 'result' | 'effect' | 'session'
const ARGS_ONLY: readonly Root[] = ['args']
const PROBE_ROOTS: readonly Root[] = ['args', 'effect']
const UNDO_ROOTS: readonly Root[] = ['args', 'result', 'effect']
const OPEN_ROOTS: readonly Root[] = ['args', 'result']
const TOUCH_ROOTS: readonly Root[] = ['args', 'session']
/** Roots of which only these fields can be read. */
const ROOT_FIELDS: Partial<Record<Root, readonly string[]>> = {
  effect: ['key'],
  session: ['id', 'endUser'],
}

function optionalTemplate(
  source: string | undefined,
  path: readonly PathStep[],
  check: Check,
): Template | undefined {
  return source === undefined
    ? undefined
    : compileTemplate(source, { check, path, roots: ARGS_ONLY })
}

type Place = {
  readonly check: Check
  readonly path: readonly PathStep[]
  readonly roots: readonly Root[]
}

const EMPTY: Template = { source: '', parts: [] }

function compileTemplate(source: string, { check, path, roots }: Place): Template {
  const template = parseTemplate(source)
  if (template === undefined) {
    const expected = 'text with placeholders such as {{args.order_id}}'
    check.problems.push(problemAt(path, { value: source, expected }))
    return EMPTY
  }
  for (const [root = '', ...steps] of templatePaths(template)) {
    const fault = pathFault({ root, steps, roots, check })
    if (fault === undefined) continue
    const value = `{{${[root, ...steps].join('.')}}}`
    check.problems.push(problemAt(path, { value, expected: fault }))
  }
  return template
}

function pathFault(input: {
  readonly root: string
  readonly steps: readonly string[]
  readonly roots: readonly Root[]
  readonly check: Check
}): string | undefined {
  const { root, steps, roots, check } = input
  const names = roots
    .flatMap((name) => ROOT_FIELDS[name]?.map((field) => `${name}.${field}`) ?? `${name}.<name>`)
    .join(' or ')
  if (!roots.some((name) => name === root)) return `${names}${hint(root, roots)}`
  const fields = roots.flatMap((name) => (name === root ? (ROOT_FIELDS[name] ?? []) : []))
  if (fields.length > 0) return fields.includes(steps.join('.')) ? undefined : names
  if (steps.length === 0) return names
  if (root !== 'args') return undefined
  const fault = unknownArgument(check.inputSchema, steps.map(indexOrName))
  if (fault === undefined) return undefined
  const known = fault.known.join(', ') || 'none'
  return `an argument of ${check.tool}: ${known}${hint(fault.name, fault.known)}`
}

function indexOrName(step: string): string | bigint {
  return /^\d{1,9}$/.test(step) ? BigInt(step) : step
}

function compileKeyArgument(
  contract: Contract,
  path: readonly PathStep[],
  check: Check,
): CompiledContract['keyArgument'] {
  const name = contract.keyArgument
  if (name === undefined) return undefined
  const schema = check.schemas[check.tool]?.inputSchema ?? {}
  const expected = keyArgumentFault(schema, name)
  if (expected !== undefined) {
    check.problems.push(problemAt([...path, 'keyArgument'], { value: name, expected }))
  }
  return { name, schema }
}

function compileOtherArguments(
  contract: Contract,
  path: readonly PathStep[],
  check: Check,
): CompiledContract['otherArguments'] {
  const { otherArguments: value = 'refuse', key } = contract
  if (value === 'replace' && key === undefined) {
    const expected = 'refuse without a key, because then other arguments are another key'
    check.problems.push(problemAt([...path, 'otherArguments'], { value, expected }))
  }
  return value
}

function compileEnsures(
  contract: Contract,
  path: readonly PathStep[],
  check: Check,
): CompiledContract['ensures'] {
  const { tool, inputSchema } = check
  const sources = contract.ensures ?? []
  const hasAmount = contract.amount !== undefined
  const { compiled, problems } = compilePostConditions(sources, { tool, inputSchema, hasAmount })
  for (const { at, found, expected } of problems) {
    const place = [...path, 'ensures', at, 'that']
    check.problems.push(problemAt(place, { value: found, expected }))
  }
  for (const [at, { id: value }] of sources.entries()) {
    if (sources.findIndex((each) => each.id === value) === at) continue
    const expected = 'one id for each of ensures, and this one is taken'
    check.problems.push(problemAt([...path, 'ensures', at, 'id'], { value, expected }))
  }
  return compiled
}

function compileUndo(
  undo: NonNullable<Contract['undo']>,
  path: readonly PathStep[],
  check: Check,
): CompiledContract['undo'] {
  const followUp = compileFollowUp(undo, { check, path, roots: UNDO_ROOTS })
  const place = { check, path: [...path, 'probe'], roots: UNDO_ROOTS }
  const probe = undo.probe && compileProbe(undo.probe, place)
  return { ...followUp, windowSeconds: undo.windowSeconds, probe }
}

function compileProof(
  proof: NonNullable<Contract['proof']>,
  path: readonly PathStep[],
  check: Check,
): CompiledContract['proof'] {
  if (check.manifest.tools[check.tool]?.undo === undefined) {
    const expected = 'nothing: there is no undo to be proved'
    check.problems.push(problemAt(path, { value: proof, expected }))
  }
  const snapshots = [proof.snapshot].flat().map((snapshot, index, all) => {
    const at = all.length > 1 ? [...path, 'snapshot', index] : [...path, 'snapshot']
    checkOnlyReads(snapshot.tool, [...at, 'tool'], check)
    return compileFollowUp(snapshot, { check, path: at, roots: ARGS_ONLY })
  })
  return { samples: [proof.arguments].flat(), snapshots }
}

type FollowUp = {
  readonly tool: string
  readonly arguments: Readonly<Record<string, string | number | boolean>>
}

/** Undo, probe and quote call another tool of the same server; it and its arguments must exist. */
function compileFollowUp(
  followUp: FollowUp,
  place: Place,
): { readonly tool: string; readonly arguments: ArgumentTemplates } {
  const { check, path } = place
  const name = `${check.server}/${followUp.tool}`
  const schema = Object.hasOwn(check.schemas, name) ? check.schemas[name] : undefined
  if (schema === undefined) {
    const own = Object.keys(check.schemas)
      .filter((tool) => tool.startsWith(`${check.server}/`))
      .map((tool) => tool.slice(check.server.length + 1))
    const expected = `a tool of the server ${check.server}`
    const found = { value: followUp.tool, expected, hint: hint(followUp.tool, own) }
    check.problems.push(problemAt([...path, 'tool'], found))
  } else {
    checkArgumentNames(followUp, schema.inputSchema, place)
  }
  const templates = Object.entries(followUp.arguments).map(([argument, value]) => [
    argument,
    typeof value === 'string'
      ? compileTemplate(value, { ...place, path: [...path, 'arguments', argument] })
      : value,
  ])
  return { tool: name, arguments: Object.fromEntries(templates) }
}

function checkArgumentNames(followUp: FollowUp, inputSchema: JsonSchemaObject, place: Place): void {
  const { check, path } = place
  const known = [...(schemaProperties(inputSchema)?.keys() ?? [])]
  const list = known.join(', ') || 'none'
  for (const [argument, value] of Object.entries(followUp.arguments)) {
    if (known.includes(argument)) continue
    const expected = `an argument of ${check.server}/${followUp.tool}: ${list}`
    const found = { value, expected, hint: hint(argument, known) }
    check.problems.push(problemAt([...path, 'arguments', argument], found))
  }
  const required: unknown = inputSchema['required']
  for (const name of Array.isArray(required) ? required : []) {
    if (typeof name !== 'string' || Object.hasOwn(followUp.arguments, name)) continue
    if (check.manifest.tools[`${check.server}/${followUp.tool}`]?.keyArgument === name) continue
    const expected = `a value, because ${check.server}/${followUp.tool} requires it`
    check.problems.push(problemAt([...path, 'arguments', name], { value: undefined, expected }))
  }
}

function compileProbe(
  probe: FollowUp & { readonly done: string },
  place: Place,
): CompiledContract['probe'] {
  const { check, path } = place
  const followUp = compileFollowUp(probe, place)
  checkOnlyReads(probe.tool, [...path, 'tool'], check)
  const outcome = compileResultCondition(probe.done)
  const unsafe =
    outcome.kind === 'ok'
      ? findReferences(parse(probe.done).ast, { target: undefined, tools: [] })
      : undefined
  const fault = outcome.kind === 'invalid' ? outcome.message : unsafe?.problems[0]?.expected
  if (outcome.kind === 'ok' && fault === undefined) return { ...followUp, done: outcome.program }
  const expected = `a CEL condition over result: ${fault ?? ''}`
  check.problems.push(problemAt([...path, 'done'], { value: probe.done, expected }))
  return undefined
}

/** A probe or a quote runs without a decision of its own, so it may never be a known write. */
function checkOnlyReads(tool: string, path: readonly PathStep[], check: Check): void {
  const name = `${check.server}/${tool}`
  const contract = Object.hasOwn(check.manifest.tools, name)
    ? check.manifest.tools[name]
    : undefined
  if (contract === undefined || contract.effect === 'read') return
  const expected = `a tool that only reads; the contract of ${name} says ${contract.effect}`
  check.problems.push(problemAt(path, { value: tool, expected }))
}

/** Who gets the money, which way it goes, and what is set aside before it does. */
function compileMoney(
  contract: Contract,
  path: readonly PathStep[],
  check: Check,
): CompiledContract['money'] {
  const { amount, counterparty, direction = 'out', authorisation } = contract
  if (amount === undefined && counterparty === undefined) return undefined
  const roots: readonly Root[] = authorisation?.does === 'opens' ? OPEN_ROOTS : ARGS_ONLY
  const place = { check, path: [...path, 'authorisation', 'id'], roots }
  return {
    direction,
    counterparty:
      counterparty === undefined
        ? undefined
        : compileArgument(counterparty, [...path, 'counterparty'], check),
    authorisation: authorisation && {
      does: authorisation.does,
      id: compileTemplate(authorisation.id, place),
    },
  }
}

function compileArgument(
  source: string,
  path: readonly PathStep[],
  check: Check,
): readonly string[] {
  const argument = source.split('.')
  const fault = unknownArgument(check.inputSchema, argument.map(indexOrName))
  if (fault !== undefined) {
    const expected = `an argument of ${check.tool}: ${fault.known.join(', ') || 'none'}`
    const found = { value: source, expected, hint: hint(fault.name, fault.known) }
    check.problems.push(problemAt(path, found))
  }
  return argument
}

function compileAmount(
  amount: NonNullable<Contract['amount']>,
  path: readonly PathStep[],
  check: Check,
): CompiledAmount | undefined {
  const { quote, currencyArgument } = amount
  const isOfArguments = currencyArgument !== undefined && quote === undefined
  const unit: AmountUnit = {
    currency: amount.currency ?? (amount.asset === undefined ? undefined : caip19(amount.asset)),
    currencyPath: isOfArguments
      ? compileArgument(currencyArgument, [...path, 'currencyArgument'], check)
      : currencyArgument?.split('.'),
    decimals: amount.decimals,
    isMinor: amount.unit === 'minor',
  }
  if (quote !== undefined) {
    const place = { check, path: [...path, 'quote'], roots: ARGS_ONLY }
    const followUp = compileFollowUp(quote, place)
    checkOnlyReads(quote.tool, [...path, 'quote', 'tool'], check)
    return { kind: 'quote', ...followUp, path: quote.path.split('.'), ...unit }
  }
  const argument = compileArgument(amount.argument ?? '', [...path, 'argument'], check)
  return { kind: 'argument', argument, ...unit }
}
