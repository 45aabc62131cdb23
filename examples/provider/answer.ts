// What the fake model says: a function of the request and the seed. The last user message may tell
// it what to do:
//   say exactly: <text to the end of the line>
//   write <n> tokens
//   call <tool> with <JSON object>      once for each call; several are parallel calls
//   think                               reasoning before the answer
//   refuse                              a refusal
// After a tool has answered it repeats what the tools said. With a schema it gives a value that fits.
import type { Asked } from './asked.ts'
import { describeAttachment } from './attachments.ts'
import { hexOf } from './digest.ts'
import { fitSchema } from './fit-schema.ts'
import { parseJson, isObject } from './json.ts'
import { splitTokens } from './tokens.ts'

export type ToolCall = { readonly name: string; readonly arguments: readonly string[] }

/** All texts as lists of tokens, in the order in which they are generated. */
export type Answer = {
  readonly reasoning: readonly string[]
  readonly text: readonly string[]
  readonly refusal: readonly string[]
  readonly calls: readonly ToolCall[]
  readonly finish: 'stop' | 'length' | 'calls' | 'refusal'
  readonly outputTokens: number
}

/** A model's own limit, for requests that name none. */
const outputTokensMax = 16_384
const tokensWrittenMax = 1_000_000

export function answerTo(asked: Asked, seed: string): Answer {
  return limit(plan(asked, seed), asked.maxTokens ?? outputTokensMax)
}

type Plan = Pick<Answer, 'reasoning' | 'text' | 'refusal' | 'calls'>
const silent: Plan = { reasoning: [], text: [], refusal: [], calls: [] }

function plan(asked: Asked, seed: string): Plan {
  const { instruction } = asked
  const thinks = asked.reasons || /\bthink\b/i.test(instruction)
  const thought = `I read ${asked.promptTokens} tokens and am asked: ${instruction.slice(0, 80)}`
  const reasoning = thinks ? splitTokens(thought) : []
  if (/\brefuse\b/i.test(instruction)) {
    return { ...silent, reasoning, refusal: splitTokens('I cannot help with that.') }
  }
  const calls = asked.toolResults.length > 0 ? [] : callsOf(asked, seed)
  if (calls.length > 0) return { ...silent, reasoning, calls }
  return { ...silent, reasoning, text: splitTokens(textOf(asked, seed)) }
}

function textOf(asked: Asked, seed: string): string {
  const { instruction, schema, toolResults } = asked
  if (schema !== undefined) return JSON.stringify(fitSchema(schema, seed))
  if (toolResults.length > 0) return `The tools answered: ${toolResults.join(' | ')}`
  const exact = /\bsay exactly: ([^\n]+)/i.exec(instruction)?.[1]
  if (exact !== undefined) return exact
  const count = /\bwrite (\d{1,7}) tokens\b/i.exec(instruction)?.[1]
  if (count !== undefined) return 'aye '.repeat(Math.min(Number(count), tokensWrittenMax))
  const seen = asked.attachments.map((one) => ` I see ${describeAttachment(one)}.`).join('')
  const mark = hexOf(8, seed, asked.model, instruction)
  return `This is a fake model. It read ${asked.promptTokens} tokens (${mark}).${seen}`
}

/** The calls that the instruction names; else one where the request insists on one. */
function callsOf({ instruction, tools, toolChoice, isParallel }: Asked, seed: string): ToolCall[] {
  if (toolChoice === 'none' || tools.length === 0) return []
  const asked = namedCalls(instruction).filter(({ name }) => tools.some((t) => t.name === name))
  const isForced = toolChoice !== 'auto'
  if (asked.length > 0 && (typeof toolChoice === 'string' || toolChoice.name === asked[0]?.name)) {
    return isParallel ? asked : asked.slice(0, 1)
  }
  if (!isForced) return []
  const wanted = typeof toolChoice === 'string' ? tools[0]?.name : toolChoice.name
  const tool = tools.find(({ name }) => name === wanted)
  if (tool === undefined) return []
  const value = fitSchema(tool.parameters ?? { type: 'object' }, seed)
  return [{ name: tool.name, arguments: splitTokens(JSON.stringify(value)) }]
}

function namedCalls(instruction: string): ToolCall[] {
  const calls: ToolCall[] = []
  for (const match of instruction.matchAll(/\bcall ([\w.-]{1,128}) with (?=\{)/gi)) {
    const [whole, name = ''] = match
    const text = objectAt(instruction, match.index + whole.length)
    if (text !== undefined) calls.push({ name, arguments: splitTokens(text) })
  }
  return calls
}

/** The shortest JSON object that begins there. */
function objectAt(text: string, from: number): string | undefined {
  for (let to = text.indexOf('}', from); to !== -1; to = text.indexOf('}', to + 1)) {
    const candidate = text.slice(from, to + 1)
    if (isObject(parseJson(candidate))) return candidate
  }
  return undefined
}

/** Generation stops at the limit, wherever it is then. */
function limit(planned: Plan, tokensMax: number): Answer {
  let left = tokensMax
  const take = (tokens: readonly string[]): readonly string[] => {
    const taken = tokens.length > left ? tokens.slice(0, left) : tokens
    left -= taken.length
    return taken
  }
  const reasoning = take(planned.reasoning)
  const text = take(planned.text)
  const refusal = take(planned.refusal)
  const calls: ToolCall[] = []
  for (const call of planned.calls) {
    // The name of a tool costs a token.
    if (left < 1) break
    left -= 1
    calls.push({ name: call.name, arguments: take(call.arguments) })
  }
  const isCut = lengthOf(planned) > lengthOf({ reasoning, text, refusal, calls })
  const ended = refusal.length > 0 ? 'refusal' : calls.length > 0 ? 'calls' : 'stop'
  const finish = isCut ? 'length' : ended
  return { reasoning, text, refusal, calls, finish, outputTokens: tokensMax - left }
}

function lengthOf({ reasoning, text, refusal, calls }: Plan): number {
  const called = calls.reduce((sum, call) => sum + 1 + call.arguments.length, 0)
  return reasoning.length + text.length + refusal.length + called
}
