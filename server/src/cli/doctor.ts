// airworthy doctor: what is well and what is not, each with a line that says how to mend it.
import type { Command } from 'commander'
import { readClientConfig, readConfig } from '../config.ts'
import { globalOptions } from './connection.ts'
import { checkDatabase } from './doctor/database.ts'
import { checkDirectory, checkNode, checkPort } from './doctor/machine.ts'
import type { Finding } from './doctor/finding.ts'
import { checkServer } from './doctor/server.ts'
import { exitCodes } from './failure.ts'
import { printJson, printLine } from './terminal.ts'

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check machine, database, server and log')
    .action((_, command: Command) => doctor(command))
}

async function doctor(command: Command): Promise<void> {
  const globals = globalOptions(command)
  const config = readConfig(undefined, { dataDir: globals.data })
  const client = readClientConfig(undefined, {
    url: globals.url,
    keyFile: globals.keyFile,
    dataDir: globals.data,
  })
  const server = await checkServer(client)
  const findings: Finding[] = [
    checkNode(),
    ...(await checkDirectory(config.dataDir)),
    await checkPort({ url: client.url, isOurs: server.isUp }),
    ...server.findings,
    // A running server has answered for its database; a stopped one leaves it to be looked at.
    ...(server.isUp ? [] : await checkDatabase(config)),
  ]
  const isBad = findings.some((finding) => finding.state === 'fail')
  if (globals.json === true) printJson({ ok: !isBad, checks: findings })
  else for (const finding of findings) printFinding(finding)
  process.exitCode = isBad ? exitCodes.error : exitCodes.ok
}

function printFinding({ check, state, found, fix }: Finding): void {
  printLine(`${state.padEnd(4)}  ${check.padEnd(9)}  ${found}`)
  if (fix !== null) printLine(`${' '.repeat(17)}fix: ${fix}`)
}
