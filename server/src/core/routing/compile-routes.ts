// The routes of a manifest, compiled: every name must be a model, every condition must hold types.
import type { Environment } from '@marcbachmann/cel-js'
import type { Manifest } from '../pact/manifest-schema.ts'
import { type PactProblem, type PathStep, problemAt } from '../pact/problem.ts'
import { hint } from '../pact/suggest.ts'
import { compileRouteCondition, routingEnvironment } from './environment.ts'
import type { CompiledRoute, RouteCheck, RouteUse } from './route.ts'

type Route = NonNullable<Manifest['routing']>[number]
type Use = Route['rules'][number]['use']

type Context = {
  readonly models: readonly string[]
  readonly request: Environment
  readonly reply: Environment
  readonly problems: PactProblem[]
}

/** The routes by the name that clients send, and what is wrong with them. */
export function compileRoutes(manifest: Manifest): {
  readonly routes: ReadonlyMap<string, CompiledRoute>
  readonly problems: readonly PactProblem[]
} {
  const declared = manifest.routing ?? []
  const routes = new Map<string, CompiledRoute>()
  if (declared.length === 0) return { routes, problems: [] }
  const scopes = manifest.scopes ?? {}
  const context: Context = {
    models: manifest.models.map((model) => model.name),
    request: routingEnvironment(scopes, 'request'),
    reply: routingEnvironment(scopes, 'reply'),
    problems: [],
  }
  for (const [index, route] of declared.entries()) {
    const path = ['routing', index]
    const isTaken = routes.has(route.model) || context.models.includes(route.model)
    if (isTaken) {
      const expected = 'a name that no model and no other route has'
      context.problems.push(problemAt([...path, 'model'], { value: route.model, expected }))
      continue
    }
    routes.set(route.model, compileRoute(route, path, context))
  }
  return { routes, problems: context.problems }
}

function compileRoute(route: Route, path: readonly PathStep[], context: Context): CompiledRoute {
  checkModel(route.otherwise, [...path, 'otherwise'], context)
  const rules = route.rules.flatMap((rule, index) => {
    const at = [...path, 'rules', index]
    const use = compileUse(rule.use, [...at, 'use'], context)
    const when = compileRouteCondition(rule.when, context.request)
    if (when.kind === 'ok') return [{ id: rule.id, when: when.condition, use }]
    const { expected } = when
    context.problems.push(problemAt([...at, 'when'], { value: rule.when, expected }))
    return []
  })
  return {
    model: route.model,
    rules,
    otherwise: route.otherwise,
    mode: route.mode,
    compare: Number(route.compare ?? '0'),
  }
}

function compileUse(use: Use, path: readonly PathStep[], context: Context): RouteUse {
  if (typeof use === 'string') {
    checkModel(use, path, context)
    return { kind: 'model', model: use }
  }
  checkModel(use.try, [...path, 'try'], context)
  checkModel(use.escalateTo, [...path, 'escalateTo'], context)
  const checks = use.checks.flatMap(({ id, accept }, index): RouteCheck[] => {
    const compiled = compileRouteCondition(accept, context.reply)
    if (compiled.kind === 'ok') return [{ id, accept: compiled.condition }]
    const at = [...path, 'checks', index, 'accept']
    context.problems.push(problemAt(at, { value: accept, expected: compiled.expected }))
    return []
  })
  return { kind: 'cascade', try: use.try, escalateTo: use.escalateTo, checks }
}

function checkModel(name: string, path: readonly PathStep[], context: Context): void {
  if (context.models.includes(name)) return
  const expected = 'the name of a model of this manifest'
  context.problems.push(
    problemAt(path, { value: name, expected, hint: hint(name, context.models) }),
  )
}
