// Reads a recording of tau2 retail runs: one run a line. What the agent saw and said becomes model
// turns on the OpenAI wire; what the simulated user did with tools of its own is not the agent's.
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'

const RECORDING_BYTES_MAX = 512 * 1024 * 1024

export type ToolCallMessage = {
  readonly id: string
  readonly type: 'function'
  /** `arguments` is the text as the model wrote it. */
  readonly function: { readonly name: string; readonly arguments: string }
}

export type AssistantMessage = {
  readonly role: 'assistant'
  readonly content: string | null
  readonly tool_calls?: readonly ToolCallMessage[]
}

export type Message =
  | { readonly role: 'user'; readonly content: string }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string }
  | AssistantMessage

export type RecordedToolCall = {
  readonly id: string
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly result: { readonly text: string; readonly isError: boolean }
}

/** One model call: what was sent (after the system prompt), what came back, what it cost. */
export type Turn = {
  readonly index: number
  readonly prefix: readonly Message[]
  readonly reply: AssistantMessage
  readonly finishReason: string
  readonly createdAtSeconds: number
  readonly usage: z.infer<typeof usageSchema>
  readonly costNanoUsd: bigint
  readonly toolCalls: readonly RecordedToolCall[]
}

export type GoldAction = {
  readonly name: string
  readonly arguments: Readonly<Record<string, unknown>>
}

export type Run = {
  readonly index: number
  readonly taskId: string
  readonly simulationId: string
  readonly turns: readonly Turn[]
  readonly goldActions: readonly GoldAction[]
  /** Whether the world ended as the task wanted; null where the recording does not say. */
  readonly databaseMatch: boolean | null
}

export type Recording = { readonly name: string; readonly runs: readonly Run[] }

export type RecordingFigures = {
  readonly runs: number
  readonly modelCalls: number
  readonly toolCalls: number
  readonly tokens: number
  readonly costNanoUsd: bigint
  readonly databaseVerdicts: number
}

const usageSchema = z.looseObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.looseObject({ cached_tokens: z.int().nullish() }).nullish(),
})

const argumentsSchema = z.record(z.string(), z.unknown())

const toolCallSchema = z.object({
  id: z.string(),
  function: z.object({ name: z.string(), arguments: z.string() }),
})

const assistantSchema = z.object({
  role: z.literal('assistant'),
  content: z.string().nullable(),
  tool_calls: z.array(z.object({ id: z.string(), arguments: argumentsSchema })).nullable(),
  timestamp: z.string(),
  cost: z.number().nullable(),
  usage: usageSchema.nullable(),
  raw_data: z
    .object({
      finish_reason: z.string(),
      message: z.object({
        content: z.string().nullable(),
        tool_calls: z.array(toolCallSchema).nullish(),
      }),
    })
    .nullable(),
})

const userSchema = z.object({
  role: z.literal('user'),
  content: z.string().nullable(),
  tool_calls: z.array(z.unknown()).nullable(),
})

const toolSchema = z.object({
  role: z.literal('tool'),
  id: z.string(),
  content: z.string().nullable(),
  requestor: z.enum(['assistant', 'user']),
  error: z.boolean(),
})

const runSchema = z.object({
  task_id: z.string(),
  task: z.object({
    evaluation_criteria: z
      .object({
        actions: z
          .array(z.object({ requestor: z.string(), name: z.string(), arguments: argumentsSchema }))
          .nullable(),
      })
      .nullable(),
  }),
  run_info: z.object({ simulation_id: z.string() }),
  reward_info: z
    .object({ db_check: z.object({ db_match: z.boolean().nullish() }).nullish() })
    .nullish(),
  messages: z.array(z.discriminatedUnion('role', [assistantSchema, userSchema, toolSchema])),
})

type RecordedRun = z.infer<typeof runSchema>
type RecordedAssistant = z.infer<typeof assistantSchema>

/** Reads a `.jsonl.gz` recording. Throws a plain sentence that names the line which does not fit. */
export async function readRecording(path: string): Promise<Recording> {
  const packed = await readFile(path)
  const bytes = await promisify(gunzip)(packed, { maxOutputLength: RECORDING_BYTES_MAX })
  const lines = bytes.toString('utf8').split('\n')
  const runs = lines.filter((line) => line.length > 0).map(parseRun)
  return { name: basename(path).replace(/\.jsonl\.gz$/, ''), runs }
}

function parseRun(line: string, index: number): Run {
  const parsed = runSchema.safeParse(JSON.parse(line))
  if (!parsed.success)
    throw new Error(`line ${index + 1} is not a recorded run: ${z.prettifyError(parsed.error)}`)
  const recorded = parsed.data
  const actions = recorded.task.evaluation_criteria?.actions ?? []
  return {
    index,
    taskId: recorded.task_id,
    simulationId: recorded.run_info.simulation_id,
    turns: turnsOf(recorded),
    goldActions: actions.filter((action) => action.requestor === 'assistant'),
    databaseMatch: recorded.reward_info?.db_check?.db_match ?? null,
  }
}

function turnsOf(run: RecordedRun): Turn[] {
  const results = agentResultsOf(run)
  const history: Message[] = []
  const turns: Turn[] = []
  for (const message of run.messages) {
    if (message.role === 'assistant') {
      // The greeting was not asked of a model: it has no usage, and is only part of the prefix.
      if (message.usage !== null)
        turns.push(turnOf({ index: turns.length, prefix: [...history], message, results }))
      history.push(replyOf(message))
    } else if (message.role === 'user') {
      // A user turn with tool calls goes to the user's own tools; the agent never sees it.
      if ((message.tool_calls?.length ?? 0) === 0)
        history.push({ role: 'user', content: message.content ?? '' })
    } else if (message.requestor === 'assistant') {
      history.push({ role: 'tool', tool_call_id: message.id, content: message.content ?? '' })
    }
  }
  return turns
}

function agentResultsOf(run: RecordedRun): Map<string, { text: string; isError: boolean }> {
  const results = new Map<string, { text: string; isError: boolean }>()
  for (const message of run.messages) {
    if (message.role === 'tool' && message.requestor === 'assistant')
      results.set(message.id, { text: message.content ?? '', isError: message.error })
  }
  return results
}

function turnOf(input: {
  index: number
  prefix: Message[]
  message: RecordedAssistant
  results: ReadonlyMap<string, { text: string; isError: boolean }>
}): Turn {
  const { index, prefix, message, results } = input
  if (message.usage === null) throw new Error('a turn without usage is not a model call')
  const reply = replyOf(message)
  return {
    index,
    prefix,
    reply,
    finishReason: message.raw_data?.finish_reason ?? 'stop',
    createdAtSeconds: Math.floor(Date.parse(`${message.timestamp}Z`) / 1000),
    usage: message.usage,
    costNanoUsd: BigInt(Math.round((message.cost ?? 0) * 1e9)),
    toolCalls: (reply.tool_calls ?? []).flatMap((call, position) => {
      // A call without a result was not executed: the run had ended.
      const result = results.get(call.id)
      const parsed = message.tool_calls?.[position]
      if (result === undefined || parsed === undefined) return []
      return [{ id: call.id, name: call.function.name, arguments: parsed.arguments, result }]
    }),
  }
}

// The provider's own message where it was kept, so that argument texts stay as they were written.
function replyOf(message: RecordedAssistant): AssistantMessage {
  const said = message.raw_data?.message
  if (said === undefined) return { role: 'assistant', content: message.content }
  const calls = said.tool_calls ?? []
  if (calls.length === 0) return { role: 'assistant', content: said.content }
  const toolCalls = calls.map((call) => ({
    id: call.id,
    type: 'function' as const,
    function: { name: call.function.name, arguments: call.function.arguments },
  }))
  return { role: 'assistant', content: said.content, tool_calls: toolCalls }
}

export function figuresOf(runs: readonly Run[]): RecordingFigures {
  const turns = runs.flatMap((run) => run.turns)
  return {
    runs: runs.length,
    modelCalls: turns.length,
    toolCalls: turns.reduce((sum, turn) => sum + turn.toolCalls.length, 0),
    tokens: turns.reduce((sum, turn) => sum + turn.usage.total_tokens, 0),
    costNanoUsd: turns.reduce((sum, turn) => sum + turn.costNanoUsd, 0n),
    databaseVerdicts: runs.filter((run) => run.databaseMatch !== null).length,
  }
}
