// How a run comes to its end, for somebody who waits for it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Run, RunDetail } from '@airworthy/sdk'
import { exitCodes } from './failure.ts'
import {
  money,
  note,
  printFields,
  printJson,
  printLine,
  printTable,
  shortTime,
} from './terminal.ts'

const pollMs = 300
/** A tool may take minutes; the run goes on without anybody watching. */
const watchMsMax = 15 * 60_000

const atWork: ReadonlySet<Run['state']> = new Set(['completing', 'compensating'])

/**
 * Waits until a run is over, telling its progress on stderr, and prints it. A run that is stuck
 * ends the command with the code of a gate that failed.
 */
export async function watchRun(
  client: Client,
  run: Run,
  options: { readonly isJson: boolean; readonly wait: boolean },
): Promise<void> {
  let detail = await client.getRun(run.id)
  const deadline = performance.now() + watchMsMax
  let told = ''
  while (options.wait && atWork.has(detail.run.state) && performance.now() < deadline) {
    const line = progressOf(detail)
    if (line !== told) note(line)
    told = line
    await sleep(pollMs)
    detail = await client.getRun(run.id)
  }
  if (options.isJson) printJson(detail)
  else printRun(detail)
  if (detail.run.state === 'stuck') process.exitCode = exitCodes.gateFailed
}

function progressOf({ run, progress }: RunDetail): string {
  const { steps, undone, standing, left } = progress
  const open =
    run.state === 'compensating' ? `${undone} undone, ${standing} to go` : `${steps} steps`
  return `${run.state}: ${open}${left === 0 ? '' : `, ${left} given up`}`
}

export function printRun({ run, steps, progress }: RunDetail): void {
  printFields({
    run: run.id,
    name: run.name ?? '(the whole session)',
    session: run.sessionId,
    agent: run.agent,
    state: run.state,
    why: run.reason,
    opened: shortTime(run.openedAt),
    ended: shortTime(run.endedAt),
    ...(run.settledReason === null ? {} : { settled: run.settledReason }),
  })
  printLine()
  printTable(
    ['CALL', 'ACTION', 'EFFECT', 'AMOUNT', 'STATE', 'ATTEMPTS', 'WHY'],
    steps.map((step) => [
      step.callId,
      step.action,
      step.effectClass,
      money(step.amount),
      step.isLeft ? `${step.state}, left` : step.state,
      step.attempts,
      step.message ?? step.code,
    ]),
  )
  if (run.state !== 'stuck') return
  const what = progress.left === 1 ? 'step' : 'steps'
  printLine()
  printLine(`${progress.left} ${what} could not be undone. See to it, then:`)
  printLine(`  airworthy run undo ${run.id}    tries again`)
  printLine(`  airworthy run settle ${run.id} --reason <text>`)
}
