// airworthy run undo: shows the blast radius first, and asks.
import { createInterface } from 'node:readline/promises'
import { AirworthyApiError, type Client, type UndoPreview } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { watchRun } from './run-progress.ts'
import { money, note, printJson, printLine, printTable } from './terminal.ts'

export type UndoOptions = {
  readonly preview?: boolean
  readonly yes?: boolean
  readonly wait: boolean
}

export async function undo(
  id: string,
  { options, command }: { readonly options: UndoOptions; readonly command: Command },
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const isJson = globals.json === true
  const target = await findTarget(client, id)
  if (options.preview === true) {
    if (isJson) printJson(target.preview)
    else printPreview(target.preview)
    return
  }
  if (options.yes !== true && !(await isConfirmed(target.preview))) {
    note('Nothing was undone.')
    return
  }
  const run = target.isRun ? await client.undoRun(id) : await client.undoSession(id)
  await watchRun(client, run, { isJson, wait: options.wait })
}

type Target = { readonly isRun: boolean; readonly preview: UndoPreview }

/** The id is a run's, or else a session's. */
async function findTarget(client: Client, id: string): Promise<Target> {
  try {
    return { isRun: true, preview: await client.previewRun(id) }
  } catch (thrown) {
    if (!(thrown instanceof AirworthyApiError) || thrown.code !== 'run.unknown') throw thrown
    return { isRun: false, preview: await client.previewSession(id) }
  }
}

async function isConfirmed(preview: UndoPreview): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError('without a terminal to ask on, say --yes, or look first with --preview')
  }
  printPreview(preview)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question('Undo this? [y/N] ')
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    terminal.close()
  }
}

const verdicts = {
  undo: 'undo',
  cancel: 'cancel',
  find_out: 'find out, undo',
  cannot: 'CANNOT',
  nothing: 'nothing to do',
} as const

function printPreview(preview: UndoPreview): void {
  if (preview.steps.length === 0) {
    printLine('There is nothing to undo.')
    return
  }
  printTable(
    ['', 'CALL', 'ACTION', 'EFFECT', 'AMOUNT', 'STATE', 'WOULD', 'WHY'],
    preview.steps.map((step, index) => [
      index + 1,
      step.callId,
      step.action,
      step.effectClass,
      money(step.amount),
      step.state,
      verdicts[step.verdict],
      step.why,
    ]),
  )
  for (const { currency, undone, left } of preview.money) {
    const given = money({ minorUnits: undone, currency })
    const kept = money({ minorUnits: left, currency })
    printLine(`money: ${given} undone${left === '0' ? '' : `, ${kept} stays`}`)
  }
}
