// airworthy hold list | show | approve | reject | edit | votes
import type { DecidedHold, Hold } from '@airworthy/sdk'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { addHoldLoadCommands } from './hold-load.ts'
import { addHoldEditCommands } from './hold-edit.ts'
import { makeVote, type VoteOptions } from './hold-vote.ts'
import { readAll } from './pages.ts'
import {
  cleanText,
  money,
  printFields,
  printJson,
  printLine,
  printTable,
  shortTime,
} from './terminal.ts'

const states: readonly Hold['state'][] = [
  'pending',
  'approving',
  'approved',
  'rejected',
  'expired',
  'refused',
  'deferred',
  'cancelled',
]

type ListOptions = { readonly state: Hold['state'] | 'all' }

export function addHoldCommands(program: Command): void {
  const hold = program.command('hold').description('decide calls that wait for a person')
  addHoldLoadCommands(hold)
  hold
    .command('list')
    .description('list holds, those that wait unless told otherwise')
    .addOption(
      new Option('--state <state>', 'which').choices([...states, 'all']).default('pending'),
    )
    .action((options: ListOptions, command: Command) => list(options, command))
  hold
    .command('show')
    .description('show a hold with the exact arguments')
    .argument('<hold>', 'its id')
    .action((id: string, _, command: Command) => show(id, command))
  hold
    .command('approve')
    .description('vote for a held call: approved, it is decided again and executed')
    .argument('<hold>', 'its id')
    .option('--reason <text>', 'why; it is kept with the vote')
    .option('--signing-key <file>', 'the key to sign with (default: beside the API key, .vote)')
    .addOption(roundOption())
    .action((id: string, options: VoteOptions, command: Command) =>
      decide({ id, vote: 'approve', options, command }),
    )
  hold
    .command('reject')
    .description('vote against a held call: rejected, it is denied')
    .argument('<hold>', 'its id')
    .option('--reason <text>', 'why; it is kept with the vote')
    .option('--signing-key <file>', 'the key to sign with (default: beside the API key, .vote)')
    .addOption(roundOption())
    .action((id: string, options: VoteOptions, command: Command) =>
      decide({ id, vote: 'reject', options, command }),
    )
  addHoldEditCommands(hold)
}

/** A question opens again when its facts change: whoever votes says which one they have seen. */
function roundOption(): Option {
  return new Option('--round <n>', 'the round that you have looked at, as `hold show` tells it')
    .argParser((text) => {
      if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
      throw new InvalidArgumentError('give a whole number from 1')
    })
    .default(1)
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const state = options.state === 'all' ? {} : { state: options.state }
  const holds = await readAll(async (after) => {
    const page = await client.listHolds({ ...state, ...after })
    return { items: page.holds, next: page.next }
  })
  if (globals.json === true) {
    printJson({ holds })
    return
  }
  if (holds.length === 0) {
    printLine(options.state === 'pending' ? 'No call waits.' : 'There is no such hold.')
    return
  }
  printTable(
    ['HOLD', 'AGENT', 'ACTION', 'AMOUNT', 'EFFECT', 'WHY', 'STATE', 'UNTIL'],
    holds.map((each) => [
      each.id,
      each.agent,
      each.action,
      money(each.amount),
      each.effectClass,
      why(each),
      each.state,
      shortTime(each.until),
    ]),
  )
}

/** The reasons of the rules that held the call. */
function why(hold: Hold): string {
  const holding = hold.reasons.filter((reason) => reason.verdict === 'hold')
  return holding.map(({ rule, reason }) => (reason === '' ? rule : reason)).join('; ')
}

async function show(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const hold = await client.getHold(id)
  if (globals.json === true) {
    printJson(hold)
    return
  }
  const { question } = hold
  const { approve, reject } = question.votesSoFar
  printFields({
    hold: hold.id,
    call: hold.callId,
    session: hold.sessionId,
    agent: hold.agent,
    action: hold.action,
    effect: hold.effectClass,
    amount: money(hold.amount),
    why: why(hold),
    'taken back': question.reversibility,
    state: hold.state,
    round: String(question.round),
    asked: `level ${question.level} of ${question.levels} until ${shortTime(question.levelUntil)}`,
    votes: `${approve} to approve, ${reject} to reject; ${question.quorum} alike decide`,
    until: shortTime(hold.until),
    expiry: hold.state === 'pending' ? question.onExpiry : null,
    'decided by': hold.decidedBy,
    replaces: hold.replaces,
    'replaced by': hold.replacedBy,
  })
  printLine(`arguments  ${cleanText(JSON.stringify(hold.arguments))}`)
}

async function decide(decision: {
  readonly id: string
  readonly vote: 'approve' | 'reject'
  readonly options: VoteOptions
  readonly command: Command
}): Promise<void> {
  const globals = globalOptions(decision.command)
  const client = await connect(globals)
  const body = await makeVote(client, { ...decision, globals })
  const decided: DecidedHold =
    decision.vote === 'approve'
      ? await client.approveHold(decision.id, body)
      : await client.rejectHold(decision.id, body)
  if (globals.json === true) {
    printJson(decided)
    return
  }
  const { hold, call } = decided
  printFields({
    hold: `${hold.id} ${hold.state}`,
    call: `${call.id} ${call.state}${call.code === null ? '' : ` (${call.code})`}`,
    action: `${hold.action} ${money(hold.amount)}`,
  })
}
