// Which model answers a request that names a route. Pure: time and randomness are arguments.
import type { Reason } from '../decision/decision.ts'
import type { ReplyFacts, RouteCondition, RouteFacts } from './environment.ts'

export type RouteUse =
  | { readonly kind: 'model'; readonly model: string }
  | {
      readonly kind: 'cascade'
      readonly try: string
      readonly escalateTo: string
      readonly checks: readonly RouteCheck[]
    }

export type RouteCheck = { readonly id: string; readonly accept: RouteCondition }

export type CompiledRoute = {
  readonly model: string
  readonly rules: readonly {
    readonly id: string
    readonly when: RouteCondition
    readonly use: RouteUse
  }[]
  readonly otherwise: string
  readonly mode: 'enforce' | 'shadow'
  /** The share of shadowed requests whose answers are compared, 0 to 1. */
  readonly compare: number
}

export type RouteChoice = {
  /** The route's own name: what the client asked for. */
  readonly asked: string
  /** The rule that chose; `otherwise` where none did. */
  readonly rule: string
  /** What the rules say. */
  readonly chosen: RouteUse
  /** What is asked: in shadow the model of `otherwise`. */
  readonly use: RouteUse
  readonly mode: CompiledRoute['mode']
  readonly complexity: number
  /** How it came to that, for the record. */
  readonly reason: Reason
}

/**
 * The first rule whose condition is true chooses. A rule that cannot be evaluated ends the search:
 * then the model of `otherwise` answers, and the record says which rule failed.
 */
export function chooseRoute(route: CompiledRoute, facts: RouteFacts): RouteChoice {
  const otherwise: RouteUse = { kind: 'model', model: route.otherwise }
  const found = findRule(route, facts)
  const chosen = found.use ?? otherwise
  const use = route.mode === 'shadow' ? otherwise : chosen
  const complexity = facts.request.complexity.score
  const told = `${route.model} to ${describeUse(chosen)} by ${found.rule}`
  const why = `complexity ${complexity}, about ${facts.request.promptTokens} tokens`
  const shadow = route.mode === 'shadow' ? `; shadow: ${route.otherwise} answers` : ''
  const failed = found.failure === undefined ? '' : `; ${found.failure}`
  return {
    asked: route.model,
    rule: found.rule,
    chosen,
    use,
    mode: route.mode,
    complexity,
    reason: {
      rule: `route.${found.rule}`,
      verdict: 'allow',
      reason: `${told} (${why})${shadow}${failed}`,
    },
  }
}

function findRule(
  route: CompiledRoute,
  facts: RouteFacts,
): { rule: string; use: RouteUse | undefined; failure?: string } {
  for (const rule of route.rules) {
    try {
      if (rule.when(facts)) return { rule: rule.id, use: rule.use }
    } catch (error) {
      const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
      return {
        rule: 'otherwise',
        use: undefined,
        failure: `the rule ${rule.id} cannot be evaluated: ${why}`,
      }
    }
  }
  return { rule: 'otherwise', use: undefined }
}

export function describeUse(use: RouteUse): string {
  return use.kind === 'model' ? use.model : `${use.try}, then ${use.escalateTo}`
}

/** The model that is asked first. */
export function firstModel(use: RouteUse): string {
  return use.kind === 'model' ? use.model : use.try
}

/** What an answer lacks, or undefined where it stands. A check that cannot be evaluated fails. */
export function findFault(
  checks: readonly RouteCheck[],
  facts: RouteFacts,
  reply: ReplyFacts,
): string | undefined {
  if (reply.finish === 'length') return 'the answer was cut at its length'
  if (reply.finish === 'refusal') return 'the model refused'
  if (reply.finish === 'other') return 'the answer did not end well'
  if (reply.text.trim() === '' && reply.toolCalls === 0) return 'the answer is empty'
  if (facts.request.structured && reply.toolCalls === 0 && !isJson(reply.text)) {
    return 'the answer is not JSON'
  }
  for (const { id, accept } of checks) {
    try {
      if (!accept(facts, reply)) return `the check ${id} does not accept it`
    } catch {
      return `the check ${id} cannot be evaluated`
    }
  }
  return undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
