// airworthy operator add | list | revoke | team | key
import type { Operator } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { addOperatorKeyCommands } from './operator-keys.ts'
import { readAll } from './pages.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

type AddOptions = { readonly role: Operator['role']; readonly team?: readonly string[] }

export function addOperatorCommands(program: Command): void {
  const operator = program.command('operator').description('who may use the control API')
  operator
    .command('add')
    .description('add an admin, operator, approver, auditor or launcher; the key is shown once')
    .argument('<name>', 'a person or a program')
    .addOption(
      new Option('--role <role>', 'what the key may do')
        .choices(['admin', 'operator', 'approver', 'auditor', 'launcher'])
        .makeOptionMandatory(),
    )
    .option('--team <team...>', 'teams that approvals may be asked of; only an admin gives them')
    .action((name: string, options: AddOptions, command: Command) => add(name, options, command))
  operator
    .command('list')
    .description('list operators and launchers')
    .action((_, command: Command) => list(command))
  operator
    .command('revoke')
    .description("revoke another's key")
    .argument('<operator>', 'its id')
    .action((id: string, _, command: Command) => revoke(id, command))
  operator
    .command('team')
    .description('say which teams an operator is of; none takes all away')
    .argument('<operator>', 'the id, or me')
    .argument('[teams...]', 'names of teams')
    .action(async (id: string, teams: string[], _, command: Command) => {
      const globals = globalOptions(command)
      const client = await connect(globals)
      const changed = await client.setTeams(id, { teams })
      if (globals.json === true) printJson(changed)
      else printLine(`${changed.name} is of ${changed.teams.join(', ') || 'no team'}`)
    })
  addOperatorKeyCommands(operator)
}

async function add(name: string, options: AddOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { role, team: teams } = options
  const request = { name, role, ...(teams === undefined ? {} : { teams }) }
  const added = await client.addOperator(request)
  if (globals.json === true) {
    printJson(added)
    return
  }
  printFields({
    [added.operator.role]: `${added.operator.name} ${added.operator.id}`,
    key: added.key,
  })
  note('The key is shown this once. Only its hash is stored.')
  if (added.operator.person !== added.operator.id) {
    note('You have added it, and are no admin: where people decide, the two of you count as one.')
  }
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const operators = await readAll(async (after) => {
    const page = await client.listOperators(after)
    return { items: page.operators, next: page.next }
  })
  if (globals.json === true) {
    printJson({ operators })
    return
  }
  const names = new Map(operators.map((each) => [each.id, each.name]))
  printTable(
    ['OPERATOR', 'NAME', 'ROLE', 'TEAMS', 'ADDED', 'ADDED BY', 'COUNTS AS', 'REVOKED'],
    operators.map((each) => [
      each.id,
      each.name,
      each.role,
      each.teams.join(', '),
      shortTime(each.createdAt),
      names.get(each.addedBy ?? '') ?? null,
      each.person === each.id ? null : (names.get(each.person) ?? each.person),
      shortTime(each.revokedAt),
    ]),
  )
}

async function revoke(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const operator = await client.revokeOperator(id)
  if (globals.json === true) printJson(operator)
  else printLine(`${operator.name} is revoked`)
}
