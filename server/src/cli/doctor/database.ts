// The database of a server that does not run, looked at and not changed.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { type OrganisationId, parseOrganisationId } from '../../core/ids.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { listEffects } from '../../store/effects.ts'
import { checkLog } from '../../store/log-check.ts'
import { readDatabaseState } from '../../store/database-state.ts'
import {
  clockFinding,
  effectsFinding,
  fail,
  type Finding,
  logFindings,
  ok,
  warn,
} from './finding.ts'

const effectsMax = 1_000

export async function checkDatabase(config: Config): Promise<Finding[]> {
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
  return [...server, ...(await examineLog(db, organisationId))]
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
