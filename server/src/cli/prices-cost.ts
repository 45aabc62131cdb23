// airworthy prices cost: what recorded calls cost at known prices, and where that is not what was
// recorded.
import type { Command } from 'commander'
import { costNanoUsd } from '../core/pricing/prices.ts'
import type { RecordedCall } from '../core/pricing/recorded-usage.ts'
import { globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { openPriceSource, type PriceSource } from './price-source.ts'
import { readRecordedFile } from './recorded-file.ts'
import { dollars, note, printJson, printTable } from './terminal.ts'

type CostOptions = {
  readonly model: readonly string[]
  readonly rate: readonly string[]
  readonly offline?: boolean
  readonly check?: boolean
}

type Sum = {
  readonly file: string
  readonly role: string
  readonly model: string
  calls: number
  promptTokens: number
  cachedTokens: number
  completionTokens: number
  costNanoUsd: bigint
  recordedNanoUsd: bigint | null
  /** Of the calls with a recorded cost: those whose cost is another one. */
  differing: number
  withoutRecord: number
}

export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

export function addPricesCost(prices: Command): void {
  prices
    .command('cost')
    .description('what recorded calls cost, call by call, against what was recorded')
    .argument(
      '<files...>',
      'JSON lines (also .gz): calls with usage, or runs of messages with usage',
    )
    .option(
      '--model <[role=]model>',
      'the model of the calls, or of those of a role: assistant=openai/gpt-4.1 (repeatable)',
      collect,
      [],
    )
    .option('--rate <model=rates>', 'prices of a model: input,cached,output', collect, [])
    .option('--offline', 'use the catalogue of this program; ask no server')
    .option('--check', 'end with 2 where a cost is not as recorded')
    .action((files: string[], options: CostOptions, command: Command) =>
      cost(files, options, command),
    )
}

async function cost(
  files: readonly string[],
  options: CostOptions,
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const source = await openPriceSource(globals, options)
  const modelOf = modelChooser(options.model)
  const sums: Sum[] = []
  for (const file of files) sums.push(...(await costOfFile(file, { source, modelOf })))
  if (sums.length === 0) throw new UsageError('the files have no calls with usage')
  const isSame = sums.every((sum) => sum.differing === 0 && sum.withoutRecord === 0)
  if (globals.json === true) printJson({ isSame, sums: sums.map(presented) })
  else printSums(sums)
  if (options.check === true && !isSame) process.exitCode = exitCodes.gateFailed
}

type Chooser = (call: RecordedCall) => string

/** `--model x` is for every role that has none of its own; without it the record must say. */
function modelChooser(given: readonly string[]): Chooser {
  const byRole = new Map(
    given.map((text): [string, string] => {
      const [, role = '', name = text] = /^([\w-]+)=(.+)$/.exec(text) ?? []
      return [role, name]
    }),
  )
  return (call) => {
    const name = byRole.get(call.role) ?? byRole.get('') ?? call.model
    if (name !== undefined) return name
    throw new UsageError(`the record names no model: give --model ${call.role}=<model>`)
  }
}

async function costOfFile(
  file: string,
  { source, modelOf }: { readonly source: PriceSource; readonly modelOf: Chooser },
): Promise<Sum[]> {
  const sums = new Map<string, Sum>()
  for await (const call of readRecordedFile(file)) {
    const model = modelOf(call)
    const prices = await source.find(model)
    const key = `${call.role}\0${model}`
    const sum = sums.get(key) ?? emptySum(file, call.role, model)
    sums.set(key, sum)
    const costs = costNanoUsd(prices, call.usage)
    sum.calls += 1
    sum.promptTokens += call.usage.promptTokens
    sum.cachedTokens += call.usage.cachedTokens
    sum.completionTokens += call.usage.completionTokens
    sum.costNanoUsd += costs
    if (call.costNanoUsd === undefined) sum.withoutRecord += 1
    else {
      sum.recordedNanoUsd = (sum.recordedNanoUsd ?? 0n) + call.costNanoUsd
      if (call.costNanoUsd !== costs) sum.differing += 1
    }
  }
  return [...sums.values()]
}

function emptySum(file: string, role: string, model: string): Sum {
  return {
    file,
    role,
    model,
    calls: 0,
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    costNanoUsd: 0n,
    recordedNanoUsd: null,
    differing: 0,
    withoutRecord: 0,
  }
}

function presented(sum: Sum) {
  return {
    ...sum,
    costNanoUsd: String(sum.costNanoUsd),
    recordedNanoUsd: sum.recordedNanoUsd === null ? null : String(sum.recordedNanoUsd),
  }
}

function printSums(sums: readonly Sum[]): void {
  printTable(
    ['file', 'role', 'model', 'calls', 'prompt', 'cached', 'output', 'cost', 'recorded', 'differ'],
    sums.map((sum) => [
      sum.file.split('/').at(-1),
      sum.role,
      sum.model,
      sum.calls,
      sum.promptTokens,
      sum.cachedTokens,
      sum.completionTokens,
      dollars(String(sum.costNanoUsd)),
      sum.recordedNanoUsd === null ? null : dollars(String(sum.recordedNanoUsd)),
      sum.differing,
    ]),
  )
  const unrecorded = sums.reduce((count, sum) => count + sum.withoutRecord, 0)
  if (unrecorded > 0) note(`${unrecorded} calls have no recorded cost`)
}
