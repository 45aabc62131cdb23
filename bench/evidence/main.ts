// npm run evidence -- [name ...] [--quick] [--write] [--list]
// Progress goes to stderr. Each evidence prints its figures as one JSON line on stdout; after
// several, a last line sums them up. Exit code: 0 when all hold, 1 when not, 64 for a wrong name.

import { parseArgs } from 'node:util'
import type { Figures } from './evidence.ts'
import { registry } from './registry.ts'

const exitUsage = 64

function list(): string {
  const width = Math.max(...Object.keys(registry).map((name) => name.length))
  const lines = Object.entries(registry).map(([name, { claim, quick }]) => {
    return `  ${name.padEnd(width)}  ${claim}${quick ? '' : ' (not in --quick)'}`
  })
  return `${lines.join('\n')}\n`
}

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  })
}

async function runOne(
  name: string,
  { quick, write }: { quick: boolean; write: boolean },
): Promise<Figures> {
  const evidence = registry[name]
  if (evidence === undefined) throw new RangeError(`no evidence is called ${name}`)
  const log = (line: string) => process.stderr.write(`${name}: ${line}\n`)
  log(evidence.claim)
  const began = performance.now()
  const figures = await attempt(() => evidence.load().then(({ run }) => run({ quick, write, log })))
  const seconds = Number(((performance.now() - began) / 1000).toFixed(1))
  log(`${figures.holds ? 'holds' : 'DOES NOT HOLD'} (${seconds} s)`)
  const { holds, ...rest } = figures
  print({ name, quick, seconds, ...rest, holds })
  return figures
}

/** Evidence that cannot be gathered does not hold; the others still run. */
async function attempt(run: () => Promise<Figures>): Promise<Figures> {
  try {
    return await run()
  } catch (thrown) {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
    process.stderr.write(`${text}\n`)
    return { error: thrown instanceof Error ? thrown.message : String(thrown), holds: false }
  }
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function main(): Promise<number> {
  let parsed: ReturnType<typeof readArguments>
  try {
    parsed = readArguments()
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`)
    return exitUsage
  }
  const { values, positionals } = parsed
  if (values.list) {
    process.stdout.write(list())
    return 0
  }
  const unknown = positionals.find((name) => !Object.hasOwn(registry, name))
  if (unknown !== undefined) {
    process.stderr.write(`evidence: there is no "${unknown}". There are:\n${list()}`)
    return exitUsage
  }
  const all = Object.keys(registry).filter((name) => !values.quick || registry[name]?.quick)
  const names = positionals.length > 0 ? positionals : all
  const results: Record<string, boolean> = {}
  for (const name of names) results[name] = (await runOne(name, values)).holds
  const holds = Object.values(results).every(Boolean)
  if (names.length > 1) print({ name: 'summary', quick: values.quick, evidence: results, holds })
  return holds ? 0 : 1
}

process.exitCode = await main()
