// airworthy audit export | prove | page
import { createWriteStream } from 'node:fs'
import { copyFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { note, printJson, printLine } from './terminal.ts'

type ExportOptions = {
  readonly from?: string
  readonly to?: string
  readonly log?: string
  readonly output?: string
  readonly reason?: string
}

export function addAuditExportCommands(audit: Command): void {
  audit
    .command('export')
    .description('write a part of the log as one file that verifies offline')
    .option('--from <place>', 'the number of an entry, or a time; default: the first')
    .option('--to <place>', 'not included; default: all that is published')
    .option('--log <id>', 'which shard; default: the open one')
    .option('-o, --output <file>', 'default: standard output')
    .option('--reason <text>', 'why; it is logged')
    .action((options: ExportOptions, command: Command) => exportLog(options, command))
  audit
    .command('prove')
    .description('write a .tlog-proof, and the entry it proves, for each entry of a call')
    .argument('<call>', 'its id')
    .option('-o, --output <directory>', 'default: here', '.')
    .action((call: string, options: { output: string }, command: Command) =>
      prove(call, options.output, command),
    )
  audit
    .command('page')
    .description('write the page that verifies a bundle in a browser, without a network')
    .argument('[file]', 'where', 'airworthy-verifier.html')
    .action((file: string) => writePage(file))
}

async function exportLog(options: ExportOptions, command: Command): Promise<void> {
  const { from, to, log, output } = options
  const client = await connect(globalOptions(command), options.reason)
  const stream = await client.exportLog({
    ...(log === undefined ? {} : { log }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  })
  if (output === undefined) {
    await pipeline(stream, process.stdout)
    return
  }
  // A file that was cut off must not look like an export.
  const partial = `${output}.partial`
  try {
    await pipeline(stream, createWriteStream(partial))
    await rename(partial, output)
  } catch (thrown) {
    await rm(partial, { force: true })
    throw thrown
  }
  note(`${output} is written; verify it with "airworthy audit verify ${output} --policy <file>"`)
}

async function prove(call: string, directory: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const receipt = await client.getReceipt(call)
  const files: string[] = []
  for (const [name, entry] of [
    ['intent', receipt.intent],
    ['outcome', receipt.outcome],
  ] as const) {
    if (entry === null || entry.proof === null) continue
    const base = join(directory, `${receipt.call}-${name}`)
    await writeFile(`${base}.entry`, entry.entry)
    await writeFile(`${base}.tlog-proof`, entry.proof)
    files.push(`${base}.entry`, `${base}.tlog-proof`)
  }
  if (files.length === 0) {
    throw new UsageError('no checkpoint has the entries of this call yet: ask again in a second')
  }
  if (globals.json === true) printJson({ call: receipt.call, files })
  else for (const file of files) printLine(file)
}

/** Beside the code of the package; a checkout makes it with `npm run build`. */
const page = fileURLToPath(new URL('../../dist/verifier.html', import.meta.url))

async function writePage(file: string): Promise<void> {
  try {
    await copyFile(page, file)
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (!isMissing) throw cause
    throw new UsageError('this checkout has no verifier page: make it with "npm run build"')
  }
  printLine(file)
}
