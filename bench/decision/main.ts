// node --conditions=airworthy-source bench/decision/main.ts [decisions]
// The last line of stdout is one JSON object. Exit code: 0 when the bars hold, 1 when not.
import { bars, benchDecision, decisionsMin } from './bench.ts'

const exitUsage = 64

async function main(argument: string | undefined): Promise<number> {
  const decisions = argument === undefined ? 2 * decisionsMin : Number(argument)
  if (!Number.isSafeInteger(decisions) || decisions < 1) {
    process.stderr.write('usage: bench/decision/main.ts [decisions]\n')
    return exitUsage
  }
  const { figures, holds } = await benchDecision(decisions)
  process.stdout.write(`${JSON.stringify({ name: 'decision', ...figures, bars, holds })}\n`)
  return holds ? 0 : 1
}

process.exitCode = await main(process.argv[2])
