// airworthy usage import | imports
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { UsageDifference, UsageFigures, UsageImport } from '@airworthy/sdk'
import { type Command, InvalidArgumentError } from 'commander'
import { CsvReader } from '../core/pricing/csv.ts'
import {
  type AccountColumns,
  type AccountLine,
  columnKinds,
  findColumns,
  UsageAccount,
} from '../core/pricing/usage-account.ts'
import { AirworthyError } from '../core/errors.ts'
import { connect, globalOptions } from './connection.ts'
import { exitCodes } from './failure.ts'
import { readAll } from './pages.ts'
import { dollars, note, printJson, printTable, shortTime } from './terminal.ts'

type Named = Partial<Record<keyof AccountColumns, string>>
type ImportOptions = {
  readonly provider: string
  readonly map: Named
  readonly tolerance: number
}

const fileBytesMax = 1024 * 1024 * 1024

export function addUsageCommands(program: Command): void {
  const usage = program.command('usage').description("compare with providers' accounts of usage")
  usage
    .command('import')
    .description("compare a provider's CSV of usage or cost with the record, by day and model")
    .argument('<file>', 'the CSV, as the console of the provider exports it')
    .requiredOption('--provider <provider>', 'openai, anthropic, another one, or generic: of all')
    .option('--map <columns>', 'date=…,model=…,calls=…,input=…,output=…,cost=…', parseMap, {})
    .option('--tolerance <percent>', 'a difference up to it is none', parseTolerance, 1)
    .action((file: string, options: ImportOptions, command: Command) =>
      importFile(file, options, command),
    )
  usage
    .command('imports')
    .description('list the comparisons that were made')
    .action((_, command: Command) => list(command))
}

async function importFile(file: string, options: ImportOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { provider, map, tolerance } = options
  const { lines, fileHash } = await readAccount(file, provider, map)
  const client = await connect(globals)
  const report = await client.importUsage({
    provider,
    fileHash,
    tolerancePercent: tolerance,
    lines: lines.map((line) => ({
      ...line,
      costNanoUsd: line.costNanoUsd === null ? null : String(line.costNanoUsd),
    })),
  })
  if (globals.json === true) printJson(report)
  else printReport(report)
  if (!report.isWithin) process.exitCode = exitCodes.gateFailed
}

/** Reads the file once, in pieces. Throws `usage.file_invalid` with the row that cannot be read. */
async function readAccount(
  file: string,
  provider: string,
  named: Named,
): Promise<{ readonly lines: AccountLine[]; readonly fileHash: string }> {
  const hash = createHash('sha256')
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let reader: CsvReader | undefined
  let account: UsageAccount | undefined
  const take = (rows: readonly string[][]): void => {
    for (const row of rows) {
      if (account === undefined) account = new UsageAccount(row, findColumns(row, provider, named))
      else account.add(row)
    }
  }
  try {
    const { size } = await stat(file)
    if (size > fileBytesMax) throw new RangeError(`it is larger than ${fileBytesMax} bytes`)
    for await (const chunk of createReadStream(file)) {
      const bytes: unknown = chunk
      if (!(bytes instanceof Uint8Array)) continue
      hash.update(bytes)
      const text = decoder.decode(bytes, { stream: true })
      reader ??= new CsvReader(delimiterOf(text))
      take(reader.push(text))
    }
    take(reader?.finish() ?? [])
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AirworthyError('usage.file_invalid', `${file}: ${why}`, { cause })
  }
  const lines = account?.lines() ?? []
  if (lines.length === 0) {
    throw new AirworthyError('usage.file_invalid', `${file} has no row with usage`)
  }
  return { lines, fileHash: hash.digest('hex') }
}

/** As the first line has it: some export tabs or semicolons under the name of CSV. */
function delimiterOf(text: string): string {
  const [header = ''] = text.split(/[\r\n]/, 1)
  const found = ['\t', ';'].find((delimiter) => header.includes(delimiter) && !header.includes(','))
  return found ?? ','
}

function printReport(report: UsageImport): void {
  const rows = [...report.lines, { ...report.total, day: 'all', model: '' }]
  printTable(
    ['day', 'model', 'input', 'theirs', 'output', 'theirs', 'cost', 'theirs', 'off', 'unknown', ''],
    rows.map(rowOf),
  )
  const within = report.isWithin ? 'within' : 'not within'
  note(`${within} ${report.tolerancePercent} %; kept as ${report.id}`)
}

function rowOf(line: UsageDifference) {
  return [
    line.day,
    line.model,
    line.ours?.inputTokens ?? null,
    line.theirs?.inputTokens ?? null,
    line.ours?.outputTokens ?? null,
    line.theirs?.outputTokens ?? null,
    costOf(line.ours),
    costOf(line.theirs),
    line.percent === null ? 'all' : `${line.percent.toFixed(2)} %`,
    line.unknownCalls,
    line.isWithin ? 'ok' : 'differs',
  ]
}

function costOf(figures: UsageFigures | null): string | null {
  const cost = figures?.costNanoUsd ?? null
  if (cost === null) return null
  return cost.startsWith('-') ? `-${dollars(cost.slice(1))}` : dollars(cost)
}

async function list(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const imports = await readAll(async (page) => {
    const { imports: items, next } = await client.listUsageImports(page)
    return { items, next }
  })
  if (globals.json === true) {
    printJson({ imports })
    return
  }
  printTable(
    ['id', 'imported', 'provider', 'from', 'to', 'cost', 'theirs', 'within', 'file'],
    imports.map((one) => [
      one.id,
      shortTime(one.importedAt),
      one.provider,
      one.firstDay,
      one.lastDay,
      costOf(one.total.ours),
      costOf(one.total.theirs),
      one.isWithin ? `${one.tolerancePercent} %` : 'no',
      one.fileHash.slice(0, 12),
    ]),
  )
}

function parseMap(text: string): Named {
  const named: Named = {}
  for (const part of text.split(',')) {
    const [, kind = '', column = ''] = /^([a-z]+)=(.+)$/.exec(part.trim()) ?? []
    const known = columnKinds.find((name) => name === kind)
    if (known === undefined) {
      throw new InvalidArgumentError(`give ${columnKinds.map((name) => `${name}=…`).join(',')}`)
    }
    named[known] = column
  }
  return named
}

function parseTolerance(text: string): number {
  const percent = Number(text.replace(/%$/, ''))
  if (!(percent >= 0 && percent <= 100)) throw new InvalidArgumentError('give a percentage')
  return percent
}
