// airworthy call show | receipt | undo | reconcile
import type { CallUndoPreview } from '@airworthy/sdk'
import type { Command } from 'commander'
import { addCallReconcileCommand } from './call-reconcile.ts'
import { connect, globalOptions } from './connection.ts'
import { dollars, printFields, printJson, printLine, shortTime } from './terminal.ts'

type UndoOptions = { readonly reason?: string; readonly preview?: boolean }

export function addCallCommands(program: Command): void {
  const call = program.command('call').description('look at calls, and undo their effects')
  call
    .command('show')
    .description('show a call: its decision, state, cost and effect')
    .argument('<call>', 'its id: the header airworthy-call of the reply')
    .action((id: string, _, command: Command) => show(id, command))
  call
    .command('receipt')
    .description('show the log entries of a call')
    .argument('<call>', 'its id')
    .action((id: string, _, command: Command) => receipt(id, command))
  call
    .command('undo')
    .description("undo a call's effect, as its contract says")
    .argument('<call>', 'its id')
    .option('--reason <text>', 'why')
    .option('--preview', 'only show what it would do, and what stands in the way')
    .action((id: string, options: UndoOptions, command: Command) => undo(id, { options, command }))
  addCallReconcileCommand(call)
}

async function show(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const call = await client.getCall(id)
  if (globals.json === true) {
    printJson(call)
    return
  }
  printFields({
    call: call.id,
    session: call.sessionId,
    action: `${call.kind} ${call.action}`,
    decision: call.enforced ? call.verdict : `would ${call.verdict} (observed)`,
    state: call.code === null ? call.state : `${call.state} (${call.code})`,
    effect: call.effect === null ? null : `${call.effect.state}, key ${call.effect.key}`,
    'repeat of': call.repeatOf,
    cost: dollars(call.costNanoUsd),
    made: shortTime(call.createdAt),
    settled: shortTime(call.settledAt),
  })
  for (const { id: check, holds, reason } of call.checks ?? []) {
    printLine(`check ${check}: ${holds ? 'holds' : `does not hold, ${reason}`}`)
  }
  for (const { rule, verdict, reason, error } of call.reasons) {
    printLine(`rule ${rule}: ${verdict}${reason === '' ? '' : `, ${reason}`}${error ?? ''}`)
  }
  for (const [argument, origins] of Object.entries(call.origins ?? {})) {
    printLine(`argument ${argument}: from ${origins.join(', ') || 'nowhere'}`)
  }
}

async function receipt(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.getReceipt(id)
  if (globals.json === true) {
    printJson(found)
    return
  }
  for (const [name, entry] of [
    ['intent', found.intent],
    ['outcome', found.outcome],
  ] as const) {
    if (entry === null) printLine(`${name}  none yet`)
    else printLine(`${name}  ${found.logId}:${entry.seq}:${entry.hash}\n${entry.entry}`)
  }
}

async function undo(
  id: string,
  { options, command }: { options: UndoOptions; command: Command },
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  if (options.preview === true) {
    const preview = await client.previewUndo(id)
    if (globals.json === true) printJson(preview)
    else printPreview(preview)
    return
  }
  const call = await client.undoCall(
    id,
    options.reason === undefined ? {} : { reason: options.reason },
  )
  if (globals.json === true) printJson(call)
  else printLine(`${call.action}: ${call.effect?.state ?? call.state}`)
}

function printPreview(preview: CallUndoPreview): void {
  printFields({
    effect: `${preview.effect} (${preview.state})`,
    'undone by': preview.tool,
    arguments: JSON.stringify(preview.arguments),
    until: preview.until === null ? 'no limit' : shortTime(preview.until),
  })
  if (preview.blockedBy.length === 0) return
  printLine('Later calls touched the same thing. Undo these first, in this order:')
  for (const call of preview.blockedBy) printLine(`  ${call}`)
}
