// airworthy pact check | explain | replay
import type { Command } from 'commander'
import { addPactReplay } from './pact-replay.ts'
import { connect, globalOptions } from './connection.ts'
import { exitCodes } from './failure.ts'
import { readManifest } from './manifest-file.ts'
import { printExplained } from './pact-explained.ts'
import { cleanText, printJson, printLine } from './terminal.ts'

export function addPactCommands(program: Command): void {
  const pact = program.command('pact').description('test, explain and replay the rules of agents')
  pact
    .command('check')
    .description('check a manifest and run the tests of its pact, without enrolling it')
    .requiredOption('-f, --file <file>', 'the manifest; - reads it from standard input')
    .option('--strict', 'warnings fail, too')
    .action((options: { file: string; strict?: boolean }, command: Command) =>
      check(options, command),
    )
  pact
    .command('explain')
    .description('which rule decided about a call, and on which facts')
    .argument('<call>', 'its id: the header airworthy-call of the reply')
    .action((id: string, _, command: Command) => explain(id, command))
  addPactReplay(pact)
}

async function check(
  options: { readonly file: string; readonly strict?: boolean },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { file } = options
  const result = await client.checkPact({ manifest: await readManifest(file), file })
  const { problems, findings, tests, counts } = result
  const hasWarning = findings.some((finding) => finding.severity === 'warning')
  const isGood = result.ok && !(options.strict === true && hasWarning)
  // Set first: a reader of the output may go away in the middle of it.
  process.exitCode = isGood ? exitCodes.ok : exitCodes.gateFailed
  if (globals.json === true) {
    printJson(result)
    return
  }
  for (const { line, column, path, message } of problems) {
    printLine(cleanText(`${file}:${line}:${column} ${path}: ${message}`))
  }
  for (const { line, column, severity, code, message } of findings) {
    printLine(cleanText(`${file}:${line}:${column} ${severity} ${code}: ${message}`))
  }
  for (const { line, column, name, failure } of tests) {
    if (failure === null) continue
    printLine(cleanText(`${file}:${line}:${column} failed: ${name}: ${failure}`))
  }
  if (counts === null) {
    printLine(
      `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}; not checked further`,
    )
    return
  }
  const passed = tests.filter((test) => test.passed).length
  printLine(
    `${counts.rules} rules, ${counts.tools} tools, ${counts.models} models; ` +
      `tests: ${passed} passed, ${tests.length - passed} failed`,
  )
}

async function explain(id: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const explained = await client.explainCall(id)
  if (globals.json === true) printJson(explained)
  else printExplained(explained)
}
