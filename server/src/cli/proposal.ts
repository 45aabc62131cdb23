// airworthy proposal list | show | confirm | withdraw
import type { Proposal } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { readAll } from './pages.ts'
import { printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

export function addProposalCommands(program: Command): void {
  const proposal = program
    .command('proposal')
    .description('changes that take two people: one proposes, another confirms')
  proposal
    .command('list')
    .description('list what waits for a second person')
    .option('--all', 'also what was confirmed, withdrawn, or waited too long')
    .action((options: { readonly all?: true }, command: Command) => list(options, command))
  proposal
    .command('show')
    .description('show what is asked for, by whom and why')
    .argument('<proposal>', 'its id')
    .action(async (id: string, _, command: Command) => {
      const globals = globalOptions(command)
      const client = await connect(globals)
      show(await client.getProposal(id), globals.json === true)
    })
  proposal
    .command('confirm')
    .description('confirm what another operator proposed; it is done at once')
    .argument('<proposal>', 'its id')
    .action(async (id: string, _, command: Command) => {
      const globals = globalOptions(command)
      const client = await connect(globals)
      const confirmed = await client.confirmProposal(id)
      if (globals.json === true) printJson(confirmed)
      else printLine(`${confirmed.kind} ${confirmed.id} is confirmed and done`)
    })
  proposal
    .command('withdraw')
    .description('take a proposal back, or refuse it')
    .argument('<proposal>', 'its id')
    .action(async (id: string, _, command: Command) => {
      const globals = globalOptions(command)
      const client = await connect(globals)
      const withdrawn = await client.withdrawProposal(id)
      if (globals.json === true) printJson(withdrawn)
      else printLine(`${withdrawn.kind} ${withdrawn.id} is withdrawn`)
    })
}

function show(proposal: Proposal, isJson: boolean): void {
  if (isJson) {
    printJson(proposal)
    return
  }
  printFields({
    proposal: proposal.id,
    kind: proposal.kind,
    state: proposal.state,
    change: JSON.stringify(proposal.change),
    reason: proposal.reason,
    'proposed by': `${proposal.proposedBy} at ${shortTime(proposal.proposedAt)}`,
    until: shortTime(proposal.until),
    'decided by':
      proposal.decidedBy === null
        ? '-'
        : `${proposal.decidedBy} at ${shortTime(proposal.decidedAt)}`,
  })
}

async function list(options: { readonly all?: true }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const state = options.all === true ? 'all' : 'open'
  const proposals = await readAll(async (after) => {
    const page = await client.listProposals({ ...after, state })
    return { items: page.proposals, next: page.next }
  })
  if (globals.json === true) {
    printJson({ proposals })
    return
  }
  printTable(
    ['PROPOSAL', 'KIND', 'STATE', 'PROPOSED BY', 'UNTIL', 'REASON'],
    proposals.map((each) => [
      each.id,
      each.kind,
      each.state,
      each.proposedBy,
      shortTime(each.until),
      each.reason,
    ]),
  )
}
