// `npm run bench`: what Airworthy costs, beside the yardsticks of docs/performance.md.

import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repository } from '../airworthy.ts'
import { fullPlan, quickPlan, runBench, type BenchOutcome } from './bench.ts'
import { replaceMarked } from './document.ts'
import { formatReport } from './report.ts'
import type { RoundsPlan } from './rounds.ts'
import type { TargetName } from './targets.ts'

const usage = `npm run bench -- [options]
  --quick             short rounds, 32 and 128 connections only (about 4 minutes)
  --rounds <n>        how many rounds (5; 3 with --quick)
  --seconds <n>       how long each cell is measured (4; 2 with --quick)
  --connections <l>   of the plain cells (1,32,128; 32,128 with --quick)
  --sessions <n>      sessions that the connections share (128: one each)
  --targets <list>    of direct,dispatch,floor,airworthy (all)
  --database <url>    a PostgreSQL of your own instead of the embedded one
  --json              one JSON object as the last line of stdout
  --write             puts the table into docs/performance.md`

const allTargets: readonly TargetName[] = ['direct', 'dispatch', 'floor', 'airworthy']
const exitUsage = 64

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      connections: { type: 'string' },
      seconds: { type: 'string' },
      sessions: { type: 'string', default: '128' },
      targets: { type: 'string', default: allTargets.join(',') },
      database: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const wanted = values.targets.split(',')
  const base = values.quick ? quickPlan : fullPlan
  const plan: RoundsPlan = {
    ...base,
    rounds: wholeNumber('--rounds', values.rounds, base.rounds),
    seconds: wholeNumber('--seconds', values.seconds, base.seconds),
    connections:
      values.connections?.split(',').map((one) => wholeNumber('--connections', one, 1)) ??
      base.connections,
  }
  const unknown = wanted.find((name) => !allTargets.some((target) => target === name))
  if (unknown !== undefined) throw new TypeError(`--targets: ${unknown} is no target`)
  const targets = allTargets.filter((name) => wanted.includes(name))
  return { ...values, plan, targets, sessions: wholeNumber('--sessions', values.sessions, 128) }
}

function wholeNumber(name: string, text: string | undefined, whenAbsent: number): number {
  if (text === undefined) return whenAbsent
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (value > 0) return value
  throw new TypeError(`${name} must be a whole number above 0, but is ${JSON.stringify(text)}`)
}

function machine(postgres: string): string {
  const processors = cpus()
  const model = processors[0]?.model.trim() ?? 'unknown processor'
  return `${processors.length} x ${model}, Node.js ${process.versions.node}, PostgreSQL ${postgres}`
}

async function writeDocument(outcome: BenchOutcome, plan: RoundsPlan): Promise<void> {
  const path = join(repository, 'docs/performance.md')
  const day = new Date().toISOString().slice(0, 10)
  const content = [
    `Measured on ${day}: ${machine(outcome.postgres)}; ${plan.rounds} rounds of ${plan.seconds} s a cell.`,
    formatReport(outcome.report),
  ].join('\n\n')
  await writeFile(path, replaceMarked(await readFile(path, 'utf8'), 'bench/gateway', content))
}

function log(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function main(): Promise<number> {
  let options: ReturnType<typeof readOptions>
  try {
    options = readOptions()
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${usage}\n`)
    return exitUsage
  }
  if (options.help) {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  const { plan, targets, sessions, database } = options
  const outcome = await runBench({ plan, targets, sessions, databaseUrl: database, log })
  if (options.write) await writeDocument(outcome, plan)
  const { report, postgres } = outcome
  process.stdout.write(`\n${machine(postgres)}\n\n${formatReport(report)}\n`)
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ name: 'gateway', ...report, postgres, plan })}\n`)
  }
  return report.holds ? 0 : 1
}

process.exitCode = await main()
