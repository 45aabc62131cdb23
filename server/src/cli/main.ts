// The command line. Each command is a file of its own; only `serve` and `migrate` start anything.
import { readFile } from 'node:fs/promises'
import { Command, CommanderError } from 'commander'
import { addAgentCommands } from './agent.ts'
import { addAuditCommands } from './audit.ts'
import { addAssetCommands } from './asset.ts'
import { addBudgetCommands } from './budget.ts'
import { addLimitCommands } from './limit.ts'
import { addCacheCommands } from './cache.ts'
import { addCallCommands } from './call.ts'
import { addChannelCommands } from './channel.ts'
import { type GlobalOptions } from './connection.ts'
import { addDoctorCommand } from './doctor.ts'
import { addEstimateCommand } from './estimate.ts'
import { addEffectCommands } from './effect.ts'
import { exitCodes, failureOf, UsageError } from './failure.ts'
import { addHandoverCommands } from './handover.ts'
import { addHoldCommands } from './hold.ts'
import { addOncallCommands } from './oncall.ts'
import { addIdentityCommands } from './identity.ts'
import { addMigrateCommand } from './migrate.ts'
import { addLogCommands } from './log.ts'
import { addOperatorCommands } from './operator.ts'
import { addEscalationCommands } from './escalation.ts'
import { addKillCommands } from './kill.ts'
import { addProposalCommands } from './proposal.ts'
import { addPactCommands } from './pact.ts'
import { addPricesCommands } from './prices.ts'
import { addReplayCommand } from './replay.ts'
import { addRouteCommands } from './route.ts'
import { addRunCommands } from './run.ts'
import { addServeCommand } from './serve.ts'
import { addSessionCommands } from './session.ts'
import { addSidecarCommand } from './sidecar.ts'
import { addToolCommands } from './tool.ts'
import { addUsageCommands } from './usage.ts'
import { addUpstreamCommands } from './upstream.ts'
import { printFailure } from './terminal.ts'

/** Of the package: the same place from the source and from the build. */
const packageFile = new URL('../../package.json', import.meta.url)

function buildProgram(version: string): Command {
  const program = new Command('airworthy')
    .description('The gateway and control plane for AI agents.')
    .option('--json', 'print one JSON document')
    .option('--url <url>', 'where the server is (AIRWORTHY_URL; http://127.0.0.1:4100)')
    .option('--key-file <file>', 'an operator key (AIRWORTHY_OPERATOR_KEY; <data>/operator.key)')
    .option('--data <directory>', 'the data directory (AIRWORTHY_DATA; .airworthy)')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 error, 2 gate failed, 64 usage, 75 try again, 77 key refused.',
    )
    .version(version)
    .exitOverride()
    .allowExcessArguments()
    .action((_, command: Command) => {
      const [unknown] = command.args
      if (unknown !== undefined) {
        throw new UsageError(
          `there is no command ${JSON.stringify(unknown)}; see "airworthy --help"`,
        )
      }
      command.outputHelp({ error: true })
      process.exitCode = exitCodes.usage
    })
  addServeCommand(program)
  addMigrateCommand(program)
  addDoctorCommand(program)
  addAgentCommands(program)
  addSessionCommands(program)
  addHoldCommands(program)
  addOncallCommands(program)
  addHandoverCommands(program)
  addCallCommands(program)
  addChannelCommands(program)
  addBudgetCommands(program)
  addLimitCommands(program)
  addAssetCommands(program)
  addCacheCommands(program)
  addAuditCommands(program)
  addEffectCommands(program)
  addToolCommands(program)
  addRouteCommands(program)
  addUpstreamCommands(program)
  addPricesCommands(program)
  addEstimateCommand(program)
  addUsageCommands(program)
  addRunCommands(program)
  addOperatorCommands(program)
  addKillCommands(program)
  addProposalCommands(program)
  addEscalationCommands(program)
  addLogCommands(program)
  addIdentityCommands(program)
  addPactCommands(program)
  addReplayCommand(program)
  addSidecarCommand(program)
  return program
}

async function readVersion(): Promise<string> {
  const value: unknown = JSON.parse(await readFile(packageFile, 'utf8'))
  const hasVersion = typeof value === 'object' && value !== null && 'version' in value
  return hasVersion ? String(value.version) : 'unknown'
}

async function main(): Promise<void> {
  // A reader that has seen enough, such as `head`, is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.error)
  })
  const program = buildProgram(await readVersion())
  try {
    await program.parseAsync()
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Commander has printed what is wrong, or the help that was asked for.
      process.exitCode = thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage
      return
    }
    const failure = failureOf(thrown)
    printFailure(failure, program.opts<GlobalOptions>().json === true)
    process.exitCode = failure.exitCode
  }
}

await main()
