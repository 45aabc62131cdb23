// Drives one recorded run: every model call and every tool call, in the order of the recording.
import { isDeepStrictEqual } from 'node:util'
import { isSameResult } from './compare.ts'
import type { Connection, Refusal, ToolAnswer } from './connection.ts'
import type { Message, RecordedToolCall, Run, Turn } from './recording.ts'

const RESULT_CHARS_SHOWN = 300

/** A tool call of the recording: task and turn say where, the rest what. */
export type ToolCallPlace = {
  readonly run: number
  readonly taskId: string
  readonly turn: number
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
}

export type Difference = ToolCallPlace & { readonly recorded: string; readonly observed: string }
export type Repeat = ToolCallPlace & {
  readonly repeatOf: string
  /** Whether the stored result is what was recorded for this call. */
  readonly isIdentical: boolean
}
export type Stop = ToolCallPlace & { readonly code: string; readonly rules: readonly string[] }

export type RunOutcome = {
  readonly run: Run
  readonly modelCalls: number
  readonly toolCalls: number
  readonly toolResultsIdentical: number
  readonly differences: readonly Difference[]
  readonly repeats: readonly Repeat[]
  /** Replies that reached the client otherwise than they were recorded. */
  readonly repliesChanged: number
  readonly addedLatencyMs: readonly number[]
  /** Where the gateway's refusal ended the run. */
  readonly stopped: Stop | null
}

type Tally = {
  modelCalls: number
  toolCalls: number
  toolResultsIdentical: number
  repliesChanged: number
  readonly differences: Difference[]
  readonly repeats: Repeat[]
  readonly addedLatencyMs: number[]
}

export type DriveInput = {
  readonly run: Run
  readonly connection: Connection
  /** How long the recorded upstream itself took for a turn. */
  readonly servedMs: (turn: { run: number; index: number }) => number | undefined
  readonly isReadOnly: (tool: string) => boolean
  readonly onCall?: () => void
}

/** Ends early where a call was refused or held; throws where one got no answer at all. */
export async function driveRun(input: DriveInput): Promise<RunOutcome> {
  const { run } = input
  const tally: Tally = {
    modelCalls: 0,
    toolCalls: 0,
    toolResultsIdentical: 0,
    repliesChanged: 0,
    differences: [],
    repeats: [],
    addedLatencyMs: [],
  }
  const history: Message[] = []
  let stopped: Stop | null = null
  for (const turn of run.turns) {
    // What the agent said stays as the client received it; what it heard is as recorded, so that
    // an error worded otherwise by our shop does not take the run off the recording.
    history.push(...turn.prefix.slice(history.length))
    stopped = await driveModelCall(input, { turn, history, tally })
    stopped ??= await driveToolCalls(input, { turn, tally })
    if (stopped !== null) break
  }
  return { run, ...tally, stopped }
}

async function driveModelCall(
  input: DriveInput,
  { turn, history, tally }: { turn: Turn; history: Message[]; tally: Tally },
): Promise<Stop | null> {
  const { run, connection, servedMs } = input
  const answer = await connection.complete(history)
  input.onCall?.()
  tally.modelCalls += 1
  if (answer.kind === 'refused')
    return { run: run.index, taskId: run.taskId, turn: turn.index, ...stopOf(answer) }
  const upstreamMs = servedMs({ run: run.index, index: turn.index })
  if (upstreamMs !== undefined) tally.addedLatencyMs.push(answer.latencyMs - upstreamMs)
  if (!isDeepStrictEqual(answer.reply, turn.reply)) tally.repliesChanged += 1
  history.push(answer.reply)
  return null
}

function stopOf(refusal: Refusal) {
  return { tool: 'model', arguments: {}, code: refusal.code, rules: refusal.rules }
}

// Reads that stand together go out together; a write waits for what stands before it and is waited
// for, because the recorded results depend on the order of the writes.
async function driveToolCalls(
  input: DriveInput,
  { turn, tally }: { turn: Turn; tally: Tally },
): Promise<Stop | null> {
  for (const group of groupsOf(turn.toolCalls, input.isReadOnly)) {
    const answers = await Promise.all(
      group.map(async (call) => {
        const answer = await input.connection.callTool(call)
        input.onCall?.()
        return { call, answer }
      }),
    )
    for (const { call, answer } of answers) {
      tally.toolCalls += 1
      const place = placeOf(input.run, turn, call)
      const stopped = judge({ place, call, answer, tally })
      if (stopped !== null) return stopped
    }
  }
  return null
}

function groupsOf(
  calls: readonly RecordedToolCall[],
  isReadOnly: (tool: string) => boolean,
): RecordedToolCall[][] {
  const groups: RecordedToolCall[][] = []
  let isOpen = false
  for (const call of calls) {
    const last = groups.at(-1)
    if (isOpen && last !== undefined && isReadOnly(call.name)) last.push(call)
    else groups.push([call])
    isOpen = isReadOnly(call.name)
  }
  return groups
}

function judge(input: {
  place: ToolCallPlace
  call: RecordedToolCall
  answer: ToolAnswer
  tally: Tally
}): Stop | null {
  const { place, call, answer, tally } = input
  if (answer.kind === 'held') return { ...place, code: 'call.held', rules: [] }
  if (answer.kind === 'refused') {
    // Arguments that fit no schema were an error of the tool when it was recorded.
    const isToolError = answer.code === 'tool.arguments_invalid' && call.result.isError
    if (!isToolError) return { ...place, code: answer.code, rules: answer.rules }
    tally.toolResultsIdentical += 1
    return null
  }
  const isIdentical = isSameResult(call.result, answer)
  if (answer.repeatOf !== null)
    tally.repeats.push({ ...place, repeatOf: answer.repeatOf, isIdentical })
  else if (isIdentical) tally.toolResultsIdentical += 1
  else
    tally.differences.push({
      ...place,
      recorded: shown(call.result),
      observed: shown(answer),
    })
  return null
}

function placeOf(run: Run, turn: Turn, call: RecordedToolCall): ToolCallPlace {
  return {
    run: run.index,
    taskId: run.taskId,
    turn: turn.index,
    tool: call.name,
    arguments: call.arguments,
  }
}

function shown(result: { text: string; isError: boolean }): string {
  return `${result.isError ? 'error: ' : ''}${result.text.slice(0, RESULT_CHARS_SHOWN)}`
}
