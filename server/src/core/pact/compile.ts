// A manifest and the tools its servers list become a pact that decides, or a list of what is wrong.
import type { RuleTarget } from '../decision/rule-environment.ts'
import type { EffectClass } from '../decision/call.ts'
import type {
  BoundRules,
  CompiledModel,
  CompiledPact,
  CompiledTool,
  JsonSchemaObject,
  ToolSchemas,
} from './compiled.ts'
import { withoutArgument } from '../effect/key-argument.ts'
import { compileApprovals } from './approvals.ts'
import { compileContract } from './contracts.ts'
import { compileEscalation } from './escalation.ts'
import { compileSignaturePolicy } from './identity-schema.ts'
import { checkMeaning } from './meaning.ts'
import type { Manifest } from './manifest-schema.ts'
import { checkPricesKnown, compileModel } from './models.ts'
import { compileLimits } from './prices.ts'
import { knowsNoPrices } from '../pricing/lookup.ts'
import type { PriceLookup } from '../pricing/lookup.ts'
import { problemAt } from './problem.ts'
import type { PactProblem } from './problem.ts'
import { compilePrompts } from './prompts.ts'
import { compileRoutes } from '../routing/compile-routes.ts'
import type { CompiledRoute } from '../routing/route.ts'
import { compileRules, isListable } from './rules.ts'
import type { CompiledRules } from './rules.ts'
import { runsDefault } from './runs-schema.ts'
import { hint } from './suggest.ts'
import { compilePactTaint, compileToolTaint, taintWarnings } from './taint.ts'
import { compileScope } from './tasks.ts'
import type { CompiledScope } from './tasks.ts'

export type PactOutcome =
  | { readonly kind: 'ok'; readonly pact: CompiledPact }
  | { readonly kind: 'invalid'; readonly problems: readonly PactProblem[] }

export type CompileOptions = {
  /** What models cost whose prices the manifest leaves out. */
  readonly findPrice?: PriceLookup
  /** It is enrolled already: where a price is gone since, only the calls of that model are refused. */
  readonly isEnrolled?: boolean
}

/**
 * Compiles a manifest against the tools that its servers list (`server/tool` to schemas).
 * Everything that is wrong is answered at once. Conditions are compiled here, once, and never
 * again.
 */
export function compilePact(
  manifest: Manifest,
  toolSchemas: ToolSchemas,
  { findPrice = knowsNoPrices, isEnrolled = false }: CompileOptions = {},
): PactOutcome {
  const problems: PactProblem[] = checkMeaning(manifest)
  // Prices of a wrong form are told above, and cannot be compiled.
  if (problems.length === 0 && !isEnrolled) problems.push(...checkPricesKnown(manifest, findPrice))
  const contracts = compileContracts(manifest, toolSchemas, problems)
  const compiled = compileRules({
    permissions: manifest.pact.permissions,
    tools: contracts.map(({ name, contract, inputSchema }) => ({
      kind: 'tool',
      name,
      inputSchema,
      hasAmount: contract.amount !== undefined,
    })),
    models: manifest.models.map((model): RuleTarget => ({ kind: 'model', name: model.name })),
    uncontracted: uncontractedTools(manifest, toolSchemas),
    scopes: manifest.scopes ?? {},
  })
  problems.push(...compiled.problems)
  const { scope, problems: scopeProblems } = compileScope({
    manifest,
    tools: contracts.map(({ name, contract, inputSchema }) => ({
      target: { kind: 'tool', name, inputSchema, hasAmount: contract.amount !== undefined },
      isWrite: contract.effect !== 'read',
    })),
    uncontracted: uncontractedTools(manifest, toolSchemas),
  })
  problems.push(...scopeProblems)
  const { routes, problems: routeProblems } = compileRoutes(manifest)
  problems.push(...routeProblems)
  if (problems.length > 0) return { kind: 'invalid', problems }
  return {
    kind: 'ok',
    pact: assemble(manifest, {
      contracts,
      rules: compiled.rules,
      toolSchemas,
      scope,
      routes,
      findPrice,
    }),
  }
}

type NamedContract = {
  readonly name: string
  readonly contract: CompiledTool['contract']
  readonly inputSchema: JsonSchemaObject
  readonly outputSchema: JsonSchemaObject | undefined
}

function compileContracts(
  manifest: Manifest,
  schemas: ToolSchemas,
  problems: PactProblem[],
): NamedContract[] {
  return Object.entries(manifest.tools).flatMap(([name, contract]) => {
    const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined
    if (schema === undefined) {
      const server = name.slice(0, name.indexOf('/'))
      const expected = `a tool that the server ${server} has`
      const found = { value: name, expected, hint: hint(name, Object.keys(schemas)) }
      problems.push(problemAt(['tools', name], found))
      return []
    }
    const { outputSchema } = schema
    // What Airworthy fills in is no argument of the agent's: rules and keys do not see it.
    const inputSchema = withoutArgument(schema.inputSchema, contract.keyArgument)
    const context = { tool: name, schemas, inputSchema, manifest, problems }
    return [{ name, contract: compileContract(contract, context), inputSchema, outputSchema }]
  })
}

/** Tools without a contract, but for those that only contracts call: undo, probe, quote. */
function uncontractedTools(manifest: Manifest, schemas: ToolSchemas): string[] {
  const followUps = new Set(
    Object.entries(manifest.tools).flatMap(([name, contract]) => {
      const server = name.slice(0, name.indexOf('/'))
      const snapshots = [contract.proof?.snapshot ?? []].flat()
      const { undo, probe, amount } = contract
      return [undo, undo?.probe, probe, amount?.quote, ...snapshots].flatMap((followUp) =>
        followUp === undefined ? [] : [`${server}/${followUp.tool}`],
      )
    }),
  )
  return Object.keys(schemas).filter(
    (name) => !Object.hasOwn(manifest.tools, name) && !followUps.has(name),
  )
}

type Parts = {
  readonly contracts: readonly NamedContract[]
  readonly rules: CompiledRules
  readonly toolSchemas: ToolSchemas
  readonly scope: CompiledScope
  readonly routes: ReadonlyMap<string, CompiledRoute>
  readonly findPrice: PriceLookup
}

const NO_RULES: BoundRules = {
  rules: [],
  counts: { made: [], done: [], failed: [], unknown: [] },
  readArgs: () => ({}),
}

function assemble(
  manifest: Manifest,
  { contracts, rules, toolSchemas, scope, routes, findPrice }: Parts,
): CompiledPact {
  const tools = contracts.map((named) =>
    compileTool(manifest, named, rules.tools.get(named.name) ?? NO_RULES),
  )
  const models = manifest.models.map((model) => {
    const bound = rules.models.get(model.name) ?? NO_RULES
    return compileModel(model, { bound, listable: isListable(bound), findPrice })
  })
  return {
    agent: manifest.agent,
    models: new Map(models.map((model) => [model.name, model])),
    routes,
    tools: new Map(tools.map((tool) => [`${tool.server}/${tool.tool}`, tool])),
    servers: new Map(Object.entries(manifest.toolServers)),
    limits: { ...compileLimits(manifest.limits), concurrency: manifest.limits.concurrency },
    holdExpiresAfterSeconds: manifest.holdExpiresAfterSeconds,
    approvals: compileApprovals(manifest),
    runs: manifest.runs ?? runsDefault,
    drift: manifest.drift,
    unproven: manifest.pact.unproven ?? 'irreversible',
    signature: compileSignaturePolicy(
      manifest.identity,
      tools.some((tool) => tool.effectClass !== 'read'),
    ),
    ...scope,
    taint: compilePactTaint(manifest, { tools, scope }),
    escalation: compileEscalation(manifest, tools),
    killOn: manifest.pact.killOn ?? [],
    prompts: compilePrompts(manifest.prompts),
    rules: rules.rules,
    warnings: warningsOf(manifest, { tools, models, toolSchemas }),
  }
}

function compileTool(manifest: Manifest, named: NamedContract, bound: BoundRules): CompiledTool {
  const slash = named.name.indexOf('/')
  const effectClass: EffectClass = named.contract.effect
  return {
    server: named.name.slice(0, slash),
    tool: named.name.slice(slash + 1),
    effectClass,
    contract: named.contract,
    listable: isListable(bound),
    inputSchema: named.inputSchema,
    outputSchema: named.outputSchema,
    taint: compileToolTaint(named.name, manifest),
    bound,
  }
}

function warningsOf(
  manifest: Manifest,
  compiled: {
    readonly tools: readonly CompiledTool[]
    readonly models: readonly CompiledModel[]
    readonly toolSchemas: ToolSchemas
  },
): string[] {
  const bare = uncontractedTools(manifest, compiled.toolSchemas).map(
    (name) => `${name} has no contract: it counts as irreversible and is not permitted`,
  )
  const unused = compiled.tools
    .filter((tool) => !tool.listable)
    .map((tool) => `no rule permits ${tool.server}/${tool.tool}`)
  const silent = compiled.models
    .filter((model) => !model.listable)
    .map((model) => `no rule permits the model ${model.name}`)
  return [...bare, ...unused, ...silent, ...taintWarnings(manifest)]
}
