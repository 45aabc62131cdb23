// What is suspicious in a pact that compiles: rules that never decide, tools nobody judged, writes
// that nobody can take back, holds that nobody could pass. Nothing here refuses a manifest.
import { canBeTrue } from '../decision/satisfiable.ts'
import { targetEnvironment } from '../decision/rule-environment.ts'
import type { RuleTarget, TargetEnvironment } from '../decision/rule-environment.ts'
import type {
  BoundRules,
  CompiledPact,
  CompiledRule,
  CompiledTool,
  ToolSchemas,
} from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import type { PactTestResult } from './pact-tests.ts'
import { formatPath } from './problem.ts'
import type { PathStep } from './problem.ts'

export type Finding = {
  /** A warning is most likely a mistake; a note is worth a look. */
  readonly severity: 'warning' | 'note'
  /** Stable: `rule.shadowed`, `write.no_undo`, ... */
  readonly code: string
  readonly path: string
  readonly message: string
}

const STRICTNESS = { allow: 0, hold: 1, deny: 2 } as const

/** Pairs of rules that are compared with one another; the time of a check stays bounded. */
const PAIRS_MAX = 20_000
/** Less is no time for a person to look. */
const HOLD_SECONDS_MIN = 60

export type FindingInput = {
  readonly manifest: Manifest
  readonly pact: CompiledPact
  readonly toolSchemas: ToolSchemas
  readonly tests: readonly PactTestResult[]
}

/** Everything found, in the order of the manifest's parts; each only once. */
export function findSuspicious(input: FindingInput): Finding[] {
  const found = [
    ...toolFindings(input),
    ...ruleFindings(input.pact, input.manifest),
    ...holdFindings(input),
    ...testFindings(input),
  ]
  const told = new Set(found.map(({ message }) => message))
  const others = input.pact.warnings.filter((warning) => !told.has(warning))
  return [
    ...found,
    ...others.map((message): Finding => ({
      severity: 'warning',
      code: 'manifest',
      path: '',
      message,
    })),
  ]
}

function finding(
  severity: Finding['severity'],
  code: string,
  [path, message]: readonly [path: readonly PathStep[], message: string],
): Finding {
  return { severity, code, path: formatPath(path), message }
}

function toolFindings({ pact, toolSchemas }: FindingInput): Finding[] {
  const tools = [...pact.tools].flatMap(([name, tool]) => contractFindings(name, tool))
  const bare = Object.keys(toolSchemas)
    .map((name) => `${name} has no contract: it counts as irreversible and is not permitted`)
    .filter((message) => pact.warnings.includes(message))
    .map((message) => finding('warning', 'tool.no_contract', [['tools'], message]))
  const models = [...pact.models.values()].flatMap((model, index) =>
    model.listable
      ? []
      : [
          finding('warning', 'model.no_rule', [
            ['models', index],
            `no rule permits the model ${model.name}`,
          ]),
        ],
  )
  return [...tools, ...bare, ...models]
}

function contractFindings(name: string, tool: CompiledTool): Finding[] {
  const path = ['tools', name]
  if (!tool.listable) return [finding('warning', 'tool.no_rule', [path, `no rule permits ${name}`])]
  if (tool.effectClass === 'read') return []
  const found: Finding[] = []
  const isHeld = tool.bound.rules.some((rule) => rule.effect === 'hold')
  if (tool.effectClass === 'irreversible') {
    const told = isHeld ? '' : ', and no rule ever holds it'
    const message = `${name} writes and has no undo${told}`
    found.push(finding(isHeld ? 'note' : 'warning', 'write.no_undo', [path, message]))
  }
  if (tool.contract.probe === undefined) {
    const message = `${name} has no probe: a call whose outcome gets lost stays unknown until a person finds out`
    found.push(finding('note', 'write.no_probe', [path, message]))
  }
  if (tool.contract.amount !== undefined && !reads(tool.bound, 'call.amount')) {
    const message = `${name} moves money, and no rule about it reads call.amount`
    found.push(finding('warning', 'amount.unread', [[...path, 'amount'], message]))
  }
  return found
}

function reads(bound: BoundRules, path: string): boolean {
  return bound.reads?.includes(path) === true
}

/** Rules that never decide anything, because others speak whenever they do. */
function ruleFindings(pact: CompiledPact, manifest: Manifest): Finding[] {
  const targets = new Targets(pact, manifest)
  return pact.rules.flatMap((rule, index) => {
    const path = ['pact', 'permissions', index]
    const names = [...rule.tools, ...rule.models]
    if (names.length === 0) return []
    const stronger = names.map((name) => targets.strongerOf(rule, name))
    if (stronger.every((other) => other !== undefined)) {
      const others = [...new Set(stronger.map((other) => other?.id ?? ''))].join(', ')
      const isHold = rule.effect === 'hold'
      const message = isHold
        ? `nobody can pass the hold ${rule.id}: ${others} denies whatever it holds`
        : `the rule ${rule.id} never decides: ${others} is stricter whenever it speaks`
      return [finding('warning', isHold ? 'hold.never_passes' : 'rule.shadowed', [path, message])]
    }
    const same = names.map((name) => targets.sameAs(rule, index, name))
    if (!same.every((other) => other !== undefined)) return []
    const others = [...new Set(same.map((other) => other?.id ?? ''))].join(', ')
    const message = `the rule ${rule.id} adds nothing: ${others} says ${rule.effect} whenever it does`
    return [finding('note', 'rule.redundant', [path, message])]
  })
}

/** Asks of two rules about one tool or model whether one can speak without the other. */
class Targets {
  readonly #pact: CompiledPact
  readonly #environments = new Map<string, TargetEnvironment>()
  #pairs = 0

  constructor(pact: CompiledPact, manifest: Manifest) {
    this.#pact = pact
    for (const [name, tool] of pact.tools) {
      const hasAmount = tool.contract.amount !== undefined
      const { inputSchema } = tool
      this.#add({ kind: 'tool', name, inputSchema, hasAmount }, manifest)
    }
    for (const name of pact.models.keys()) this.#add({ kind: 'model', name }, manifest)
  }

  /** A stricter rule that speaks, or fails, whenever this one speaks about the tool or model. */
  strongerOf(rule: CompiledRule, name: string): CompiledRule | undefined {
    return this.#about(name).find(
      (other) =>
        STRICTNESS[other.effect] > STRICTNESS[rule.effect] && this.#implies(rule, other, name),
    )
  }

  /** Another rule of the same effect that speaks whenever this one does; of equal ones the first. */
  sameAs(rule: CompiledRule, index: number, name: string): CompiledRule | undefined {
    const { rules } = this.#pact
    return this.#about(name).find((other) => {
      if (other === rule || other.effect !== rule.effect) return false
      if (!this.#implies(rule, other, name)) return false
      return rules.indexOf(other) < index || !this.#implies(other, rule, name)
    })
  }

  #about(name: string): readonly CompiledRule[] {
    return this.#pact.rules.filter(
      (rule) => rule.tools.includes(name) || rule.models.includes(name),
    )
  }

  #implies(rule: CompiledRule, other: CompiledRule, name: string): boolean {
    if (other.when === undefined) return true
    if (rule.when === other.when) return true
    const environment = this.#environments.get(name)
    this.#pairs += 1
    if (environment === undefined || this.#pairs > PAIRS_MAX) return false
    const without = `(${rule.when ?? 'true'}) && !(${other.when})`
    const { target, environment: cel } = environment
    try {
      const evaluate = (source: string): unknown => cel.evaluate(source)
      return !canBeTrue(cel.parse(without).ast, { target, evaluate })
    } catch {
      // Together they pass a limit of the parser: then nothing is known.
      return false
    }
  }

  #add(target: RuleTarget, manifest: Manifest): void {
    this.#environments.set(target.name, targetEnvironment(target, manifest.scopes ?? {}))
  }
}

function holdFindings({ manifest, pact }: FindingInput): Finding[] {
  const holds = pact.rules.some((rule) => rule.effect === 'hold')
  const seconds = manifest.holdExpiresAfterSeconds
  if (!holds || seconds >= HOLD_SECONDS_MIN) return []
  const message = `nobody can pass a hold that expires after ${seconds} seconds`
  return [finding('warning', 'hold.too_short', [['holdExpiresAfterSeconds'], message])]
}

function testFindings({ pact, tests }: FindingInput): Finding[] {
  if (tests.length === 0) {
    return [finding('note', 'test.none', [['pact'], 'the pact has no tests'])]
  }
  const spoke = new Set(
    tests.flatMap(({ decision }) => decision.reasons.map((reason) => reason.rule)),
  )
  return pact.rules.flatMap((rule, index) => {
    if (spoke.has(rule.id)) return []
    const message = `no test makes the rule ${rule.id} speak`
    return [finding('note', 'rule.untested', [['pact', 'permissions', index], message])]
  })
}
