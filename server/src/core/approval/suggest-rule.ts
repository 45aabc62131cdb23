// What is asked again and again and always approved, as a rule that need not ask. It is a text for a
// person to judge: nothing is ever loosened by itself.
import { stringify } from 'yaml'
import type { Manifest } from '../pact/manifest-schema.ts'
import type { RepeatedApproval } from './load.ts'

type Permission = Manifest['pact']['permissions'][number]

/**
 * Manifest YAML of the changed rules, with what speaks for them; undefined where something other
 * than a permission of the pact held the calls, because then no permission could let them go, and
 * where the amounts have no largest.
 */
export function suggestRules(
  repeated: RepeatedApproval,
  permissions: readonly Permission[],
  days: number,
): string | undefined {
  const { agent, action, rules, approved, expired } = repeated
  const changed = rules.map((id) => {
    const rule = permissions.find((each) => each.id === id && each.effect === 'hold')
    return rule && narrow(rule, repeated)
  })
  const isUnclear = changed.includes(undefined) || repeated.amountMax === 'mixed'
  if (changed.length === 0 || isUnclear) return undefined
  const found = changed.flatMap((rule) => rule ?? [])
  const comment = [
    `# ${approved} holds of ${action} by ${agent} were approved in ${days} days, none rejected` +
      `${expired === 0 ? '' : `, ${expired} not answered`}.`,
    '# Replace the rules of these ids under pact.permissions, and run `airworthy pact replay`.',
  ]
  return `${comment.join('\n')}\n${stringify(found, { lineWidth: 0 })}`
}

/** The rule, but for what was approved: this tool, with amounts that are no larger. */
function narrow(rule: Permission, { action, amountMax }: RepeatedApproval): Permission[] {
  const isOnly = rule.models === undefined && rule.tools?.length === 1 && rule.tools[0] === action
  const isLarger =
    typeof amountMax === 'string'
      ? undefined
      : `!(call.currency == ${JSON.stringify(amountMax.currency)} && call.amount <= ${amountMax.minor})`
  if (isOnly) {
    return isLarger === undefined ? [{ ...rule, effect: 'allow' }] : [and(rule, isLarger)]
  }
  const at = action.indexOf('/')
  const server = JSON.stringify(action.slice(0, at))
  const tool = JSON.stringify(action.slice(at + 1))
  const others = and(rule, `!(call.server == ${server} && call.tool == ${tool})`)
  if (isLarger === undefined) return [others]
  // Of its own, because a condition may read an amount only where every tool of the rule has one.
  const { models: _none, ...own } = rule
  return [others, and({ ...own, id: `${rule.id}-above`, tools: [action] }, isLarger)]
}

function and(rule: Permission, condition: string): Permission {
  return { ...rule, when: rule.when === undefined ? condition : `(${rule.when}) && ${condition}` }
}
