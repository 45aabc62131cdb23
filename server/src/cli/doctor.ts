// airworthy doctor: what is well and what is not, each with a line that says how to mend it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type Config, readClientConfig, readConfig } from '../config.ts'
import { type OrganisationId, parseOrganisationId } from '../core/ids.ts'
import { listChannels } from '../store/channels/channels.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { countDeliveries } from '../store/channels/deliveries.ts'
import { readDatabaseState } from '../store/database-state.ts'
import { listEffects } from '../store/calls/effects.ts'
import { checkLog } from '../store/log/log-check.ts'
import { globalOptions } from './connection.ts'
import { checkDirectory, checkNode, checkPort } from './doctor/machine.ts'
import {
  channelsFinding,
  clockFinding,
  effectsFinding,
  fail,
  type Finding,
  logFindings,
  ok,
  warn,
} from './doctor/finding.ts'
import { checkServer } from './doctor/server.ts'
import { exitCodes } from './failure.ts'
import { printJson, printLine } from './terminal.ts'

const effectsMax = 1_000

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

/** The database of a server that does not run, looked at and not changed. */
async function checkDatabase(config: Config): Promise<Finding[]> {
  const embeddedUrl = await readEmbeddedUrl(config.dataDir)
  const url = config.databaseUrl ?? embeddedUrl
  if (url === undefined) {
    return [ok('database', 'the embedded PostgreSQL is stopped; it starts with the server')]
  }
  const opened = openDatabase({ url, poolMax: 1 })
  try {
    return await examine(opened.db)
  } catch {
    return [unreachable(config.databaseUrl !== undefined)]
  } finally {
    await opened.close()
  }
}

/** Left there while the embedded PostgreSQL runs, and by a server that was killed. */
async function readEmbeddedUrl(dataDir: string): Promise<string | undefined> {
  const text = await readFile(join(dataDir, 'postgres.json'), 'utf8').catch(() => '{}')
  const value: unknown = JSON.parse(text)
  const fields = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const url: unknown = new Map<string, unknown>(fields).get('url')
  return typeof url === 'string' ? url : undefined
}

function unreachable(isOwn: boolean): Finding {
  if (isOwn) {
    return fail('database', {
      found: 'PostgreSQL of DATABASE_URL cannot be reached, or refuses',
      fix: 'Start it, and check host, user and password; or leave DATABASE_URL out.',
    })
  }
  return warn('database', {
    found: 'the embedded PostgreSQL was not stopped cleanly',
    fix: 'The next "airworthy serve" recovers it.',
  })
}

async function examine(db: Database): Promise<Finding[]> {
  const askedAt = Date.now()
  const state = await readDatabaseState(db)
  const skewMs = state.nowMs - (askedAt + Date.now()) / 2
  const server = [versionFinding(state), clockFinding(skewMs)]
  if (state.organisationId === undefined) {
    const found = 'the database holds no Airworthy yet'
    return [...server, ok('schema', found)]
  }
  const organisationId = parseOrganisationId(state.organisationId)
  const log = await examineLog(db, organisationId)
  const channels = state.hasChannels ? [await examineChannels(db, organisationId)] : []
  return [...server, ...log, ...channels]
}

function versionFinding(state: { readonly versionText: string; readonly versionNumber: number }) {
  if (state.versionNumber >= 150_000) return ok('database', `PostgreSQL ${state.versionText}`)
  return fail('database', {
    found: `PostgreSQL ${state.versionText}; 15 or later is needed`,
    fix: 'Upgrade it, or leave DATABASE_URL out to use the embedded one.',
  })
}

async function examineLog(db: Database, organisationId: OrganisationId): Promise<Finding[]> {
  const log = await checkLog(db, organisationId)
  const unknown = await listEffects(db, organisationId, { state: 'unknown', limit: effectsMax })
  return [...logFindings(log, false), effectsFinding(unknown.length)]
}

async function examineChannels(db: Database, organisationId: OrganisationId): Promise<Finding> {
  const counts = await countDeliveries(db, organisationId)
  const channels = (await listChannels(db, organisationId)).map(({ channelId, name }) => ({
    name,
    deadLately: counts.get(channelId)?.deadLately ?? 0,
  }))
  return channelsFinding(channels)
}
