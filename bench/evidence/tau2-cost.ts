// The cost of every recorded model call of 28 tau2 retail files, as `airworthy prices cost` computes
// it from usage and list prices, against the dollars that were recorded with the call.
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { recordingPath } from '../../examples/replay/shared-data.ts'
import { repository } from '../airworthy.ts'
import { isRecord, numberField, parseObject, textField } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { sharedData } from './replay.ts'

const FILES = 28
const STDOUT_BYTES_MAX = 16 * 1024 * 1024

type Models = { readonly assistant: string; readonly user: string }

/** Most names say which models were used; where one is silent the user was gpt-4.1-mini. */
const named: readonly [RegExp, (match: RegExpExecArray) => Models][] = [
  [
    /llm_agent_(.+)_user_simulator_(.+)\.jsonl\.gz$/,
    ([, assistant = '', user = '']) => ({ assistant, user }),
  ],
  [
    /^gemini-3-flash__.+__user_agent_gemini-3-flash__/,
    () => ({ assistant: 'gemini-3-flash-preview', user: 'gemini-3-flash-preview' }),
  ],
  [/^gemini-3-flash__/, () => ({ assistant: 'gemini-3-flash-preview', user: 'gpt-4.1-mini' })],
  [/^(gpt-5-[a-z]+)__/, ([, assistant = '']) => ({ assistant, user: 'gpt-4.1-mini' })],
  [/^Retail[-_]/, () => ({ assistant: 'gpt-4.1-mini', user: 'gpt-4.1-mini' })],
]

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  const directory = recordingPath(sharedData(), '')
  const files = (await readdir(directory)).filter((file) => file.endsWith('.jsonl.gz')).toSorted()
  let [calls, equal, filesEqual] = [0, 0, 0]
  let [computed, recorded] = [0n, 0n]
  const differing: string[] = []
  const byModel = new Map<string, number>()
  for (const file of files) {
    log(file)
    const sums = await costOf(join(directory, file), modelsOf(file))
    const own = await recordedCosts(join(directory, file))
    const total = (name: string): bigint =>
      sums.reduce((sum, one) => sum + BigInt(textField(one, name)), 0n)
    const made = sums.reduce((sum, one) => sum + numberField(one, 'calls'), 0)
    const off = sums.reduce((sum, one) => sum + numberField(one, 'differing'), 0)
    calls += made
    equal += made - off
    computed += total('costNanoUsd')
    recorded += own.nanoUsd
    for (const one of sums) {
      const model = textField(one, 'model')
      byModel.set(model, (byModel.get(model) ?? 0) + numberField(one, 'calls'))
    }
    // What the command says was recorded is read here as well, from the file itself.
    const isSame =
      off === 0 && made === own.calls && total('costNanoUsd') === own.nanoUsd && made > 0
    if (isSame) filesEqual += 1
    else differing.push(file)
  }
  return {
    files: files.length,
    filesEqual,
    calls,
    callsEqual: equal,
    computedNanoUsd: String(computed),
    recordedNanoUsd: String(recorded),
    callsByModel: Object.fromEntries(byModel),
    differing,
    holds: files.length === FILES && filesEqual === FILES && computed === recorded,
  }
}

function modelsOf(file: string): Models {
  for (const [pattern, models] of named) {
    const match = pattern.exec(file)
    if (match !== null) return models(match)
  }
  throw new Error(`${file} does not say which models it is of`)
}

/** One sum for each role, from the program itself and the catalogue that comes with it. */
async function costOf(path: string, models: Models): Promise<Record<string, unknown>[]> {
  const args = [
    join(repository, 'server/bin/airworthy.js'),
    '--json',
    'prices',
    'cost',
    '--offline',
    '--model',
    `assistant=${listName(models.assistant)}`,
    '--model',
    `user=${listName(models.user)}`,
    path,
  ]
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=airworthy-source', ...args],
    { maxBuffer: STDOUT_BYTES_MAX },
  )
  const { sums } = parseObject(stdout.replaceAll('\n', ' ')) ?? {}
  if (!Array.isArray(sums)) throw new Error('the command printed no sums')
  return sums.filter(isRecord)
}

function listName(model: string): string {
  return `${model.startsWith('gemini') ? 'google' : 'openai'}/${model}`
}

/** Dollars are recorded as doubles, message by message: the nearest nano-USD is what was meant. */
async function recordedCosts(path: string): Promise<{ calls: number; nanoUsd: bigint }> {
  const text = (await promisify(gunzip)(await readFile(path))).toString('utf8')
  let calls = 0
  let nanoUsd = 0n
  for (const line of text.split('\n')) {
    const recorded: unknown = line === '' ? undefined : JSON.parse(line)
    const messages = isRecord(recorded) ? recorded['messages'] : undefined
    for (const message of Array.isArray(messages) ? messages : []) {
      if (!isRecord(message) || !isRecord(message['usage'])) continue
      calls += 1
      nanoUsd += BigInt(Math.round(numberField(message, 'cost') * 1e9))
    }
  }
  return { calls, nanoUsd }
}
