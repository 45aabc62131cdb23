// airworthy migrate: brings the database to this release without serving.
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { startEmbeddedPostgres } from '../adapters/postgres/embedded-postgres.ts'
import { readConfig } from '../config.ts'
import { migrate as applyMigrations } from '../store/migrate.ts'
import { globalOptions } from './connection.ts'
import { note, printJson, printLine } from './terminal.ts'

export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url))

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the database to this release, without serving')
    .option('--database-url <url>', 'your own PostgreSQL (DATABASE_URL)')
    .action((options: { databaseUrl?: string }, command: Command) => migrate(options, command))
}

async function migrate(
  options: { readonly databaseUrl?: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const config = readConfig(undefined, {
    dataDir: globals.data,
    databaseUrl: options.databaseUrl,
  })
  const { applied, already } = await migrateDatabase(config)
  if (globals.json === true) printJson({ applied, already })
  else if (applied.length === 0) printLine(`nothing to do: ${already} migrations are applied`)
  else printLine(`applied ${applied.join(', ')}`)
}

async function migrateDatabase(config: { dataDir: string; databaseUrl: string | undefined }) {
  const directory = migrationsDirectory
  if (config.databaseUrl !== undefined)
    return applyMigrations({ url: config.databaseUrl, directory })
  await using embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, onProgress: note })
  return await applyMigrations({ url: embedded.url, directory })
}
