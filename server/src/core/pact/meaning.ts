// What is wrong with a manifest of the right shape, as far as it can be known without its tool
// servers.
import { currencyDecimals } from '../effect/amount.ts'
import { caip19 } from '../money/asset.ts'
import { checkEscalation } from './escalation.ts'
import { isReservedToolName } from './gateway-tools.ts'
import type { Manifest } from './manifest-schema.ts'
import { checkApprovals } from './approvals.ts'
import { checkModels } from './models.ts'
import { checkOpenApiServers } from './openapi-meaning.ts'
import { problemAt } from './problem.ts'
import type { PactProblem } from './problem.ts'
import { limitFields } from './prices.ts'
import { promptVariables } from './prompts.ts'
import { checkSqlServers } from './sql-meaning.ts'
import { hint } from './suggest.ts'
import { checkTasks } from './tasks-meaning.ts'

/** All problems of meaning, by path. */
export function checkMeaning(manifest: Manifest): PactProblem[] {
  return [
    ...checkUnique(manifest),
    ...checkModels(manifest),
    ...checkPrompts(manifest),
    ...checkContracts(manifest),
    ...checkLimits(manifest),
    ...checkRules(manifest),
    ...checkApprovals(manifest),
    ...checkTasks(manifest),
    ...checkEscalation(manifest),
    ...checkSqlServers(manifest),
    ...checkOpenApiServers(manifest),
  ]
}

function checkUnique(manifest: Manifest): PactProblem[] {
  const lists: { path: string[]; field: string; names: string[] }[] = [
    { path: ['models'], field: 'name', names: manifest.models.map((model) => model.name) },
    { path: ['prompts'], field: 'name', names: manifest.prompts.map((prompt) => prompt.name) },
    {
      path: ['pact', 'permissions'],
      field: 'id',
      names: manifest.pact.permissions.map((rule) => rule.id),
    },
    {
      path: ['pact', 'promises'],
      field: 'id',
      names: manifest.pact.promises.map((promise) => promise.id),
    },
  ]
  return lists.flatMap(({ path, field, names }) => {
    const expected = `one ${field} for each of ${path.join('.')}, and this one is taken`
    return names.flatMap((name, index) =>
      names.indexOf(name) === index
        ? []
        : [problemAt([...path, index, field], { value: name, expected })],
    )
  })
}

function checkPrompts(manifest: Manifest): PactProblem[] {
  const problems = manifest.prompts.flatMap((prompt, index) => {
    const used = promptVariables(prompt.template)
    const unused = prompt.variables.filter((variable) => !used.includes(variable))
    const undeclared = used.filter((variable) => !prompt.variables.includes(variable))
    return [
      ...undeclared.map((variable) =>
        problemAt(['prompts', index, 'template'], {
          value: `{{${variable}}}`,
          expected: 'a variable part that is declared in variables',
          hint: hint(variable, prompt.variables),
        }),
      ),
      ...unused.map((variable) =>
        problemAt(['prompts', index, 'variables', prompt.variables.indexOf(variable)], {
          value: variable,
          expected: 'a variable part that the template uses',
        }),
      ),
    ]
  })
  if (manifest.drift.prompt === 'hold' && manifest.prompts.length === 0) {
    const expected = '"record" when no prompt is enrolled'
    problems.push(problemAt(['drift', 'prompt'], { value: 'hold', expected }))
  }
  return problems
}

type Contract = Manifest['tools'][string]

function checkContracts(manifest: Manifest): PactProblem[] {
  const servers = Object.keys(manifest.toolServers)
  return Object.entries(manifest.tools).flatMap(([tool, contract]) => {
    const server = tool.slice(0, tool.indexOf('/'))
    const problems = checkContract(tool, contract)
    if (isReservedToolName(tool.slice(server.length + 1))) {
      const expected = 'another name: those that begin with airworthy_ are the gateway’s own tools'
      problems.push(problemAt(['tools', tool], { value: tool, expected }))
    }
    if (!servers.includes(server)) {
      const expected = `a tool of one of the servers ${servers.join(', ') || '(none is given)'}`
      problems.push(
        problemAt(['tools', tool], { value: tool, expected, hint: hint(server, servers) }),
      )
    }
    return problems
  })
}

/** Fields that only mean something for a tool that changes the world. */
const WRITE_FIELDS = [
  'key',
  'scope',
  'windowSeconds',
  'keyArgument',
  'otherArguments',
  'touches',
  'amount',
  'direction',
  'authorisation',
  'undo',
  'probe',
] as const

function checkContract(tool: string, contract: Contract): PactProblem[] {
  const path = ['tools', tool]
  if (contract.effect === 'read') {
    return WRITE_FIELDS.filter((field) => contract[field] !== undefined).map((field) =>
      problemAt([...path, field], {
        value: contract[field],
        expected: 'nothing: a read has no effect to key, undo, probe or price',
      }),
    )
  }
  const problems: PactProblem[] = []
  const undoable = contract.effect === 'reversible' || contract.effect === 'compensable'
  if (undoable && contract.undo === undefined) {
    const expected = `an undo, because the effect is ${contract.effect}`
    problems.push(problemAt([...path, 'undo'], { value: undefined, expected }))
  }
  if (!undoable && contract.undo !== undefined) {
    const expected = 'no undo for an irreversible effect'
    problems.push(problemAt([...path, 'undo'], { value: contract.undo, expected }))
  }
  if (contract.amount === undefined) {
    for (const field of ['direction', 'authorisation'] as const) {
      if (contract[field] === undefined) continue
      const expected = 'an amount beside it'
      problems.push(problemAt([...path, field], { value: contract[field], expected }))
    }
  } else problems.push(...checkAmount([...path, 'amount'], contract.amount))
  return problems
}

function checkAmount(
  path: readonly string[],
  amount: NonNullable<Contract['amount']>,
): PactProblem[] {
  const problems: PactProblem[] = []
  if ((amount.argument === undefined) === (amount.quote === undefined)) {
    problems.push(problemAt(path, { value: amount, expected: 'either argument or quote' }))
  }
  const { currency, currencyArgument, asset, decimals } = amount
  const named = [currency, currencyArgument, asset].filter((each) => each !== undefined)
  if (named.length !== 1) {
    const expected = 'one of currency, currencyArgument and asset'
    problems.push(problemAt([...path, 'currency'], { value: currency, expected }))
  }
  if (currency !== undefined && currencyDecimals(currency) === undefined) {
    const expected = 'an ISO 4217 currency such as USD'
    problems.push(problemAt([...path, 'currency'], { value: currency, expected }))
  }
  if (asset !== undefined && caip19(asset) === undefined) {
    const expected = 'a CAIP-19 asset such as eip155:1/slip44:60'
    problems.push(problemAt([...path, 'asset'], { value: asset, expected }))
  }
  if ((asset === undefined) !== (decimals === undefined)) {
    const expected = asset === undefined ? 'nothing: currencies have their own' : 'its decimals'
    problems.push(problemAt([...path, 'decimals'], { value: decimals, expected }))
  }
  return problems
}

/** The default session is everybody's who opens none, so it may never be the wider one. */
function checkLimits(manifest: Manifest): PactProblem[] {
  const { session, defaultSession } = manifest.limits
  return limitFields.flatMap((field) => {
    const own = defaultSession[field]
    const other = session[field]
    if (own === undefined || other === undefined || Number(own) <= Number(other)) return []
    const expected = `at most the ${other} of limits.session`
    return [problemAt(['limits', 'defaultSession', field], { value: own, expected })]
  })
}

function checkRules(manifest: Manifest): PactProblem[] {
  return manifest.pact.permissions.flatMap((rule, index) =>
    rule.tools === undefined && rule.models === undefined
      ? [
          problemAt(['pact', 'permissions', index], {
            value: rule.id,
            expected: 'tools or models that the rule is about',
          }),
        ]
      : [],
  )
}
