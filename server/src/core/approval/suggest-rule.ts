// What is asked again and again and always approved, as a rule that need not ask. It is a text for a
// person to judge: nothing is ever loosened by itself.
import { stringify } from 'yaml'
import type { Manifest } from '../pact/manifest-schema.ts'
import type { RepeatedApproval } from './load.ts'

type Permission = Manifest['pact']['permissions'][number]

/**
 * Manifest YAML of the changed rules, with what speaks for them; undefined where something other
 * than a permission of the pact held the calls, because then no permission could let them go.
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
  const found = changed.filter((rule) => rule !== undefined)
  if (found.length === 0 || found.length < rules.length) return undefined
  const comment = [
    `# ${approved} holds of ${action} by ${agent} were approved in ${days} days, none rejected` +
      `${expired === 0 ? '' : `, ${expired} not answered`}.`,
    '# Replace the rules of these ids under pact.permissions, and run `airworthy pact replay`.',
  ]
  return `${comment.join('\n')}\n${stringify(found, { lineWidth: 0 })}`
}

/** The rule, but for what was approved: this tool, and amounts that are no larger. */
function narrow(rule: Permission, repeated: RepeatedApproval): Permission {
  const { action, amountMax } = repeated
  const isOnly = rule.models === undefined && rule.tools?.length === 1 && rule.tools[0] === action
  const [server = '', tool = ''] = splitAction(action)
  const exception = [
    ...(isOnly ? [] : [`call.server == ${quote(server)} && call.tool == ${quote(tool)}`]),
    ...(amountMax === undefined ? [] : [`call.amount <= ${amountMax.minor}`]),
  ].join(' && ')
  if (exception === '') return { ...rule, effect: 'allow' }
  const when = rule.when === undefined ? `!(${exception})` : `(${rule.when}) && !(${exception})`
  return { ...rule, when }
}

function splitAction(action: string): readonly [string, string] {
  const at = action.indexOf('/')
  return [action.slice(0, at), action.slice(at + 1)]
}

/** CEL has the escapes of JSON. */
function quote(text: string): string {
  return JSON.stringify(text)
}
