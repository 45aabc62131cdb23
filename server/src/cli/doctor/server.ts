// What a running server says of itself.
import { readFile } from 'node:fs/promises'
import { AirworthyApiError, type Client, createClient, type Health } from '@airworthy/sdk'
import type { ClientConfig } from '../../config.ts'
import {
  channelsFinding,
  clockFinding,
  effectsFinding,
  fail,
  type Finding,
  logFindings,
  ok,
  warn,
} from './finding.ts'

const timeoutMs = 10_000
const effectsMax = 1_000

export type ServerReport = { readonly isUp: boolean; readonly findings: readonly Finding[] }

export async function checkServer(config: ClientConfig): Promise<ServerReport> {
  const key = config.key ?? (await readFile(config.keyFile, 'utf8').catch(() => undefined))?.trim()
  const client = createClient({
    baseUrl: config.url,
    timeoutMs,
    ...(key === undefined ? {} : { key }),
  })
  const health = await client.health().catch((thrown: unknown) => {
    if (thrown instanceof AirworthyApiError) return undefined
    throw thrown
  })
  if (health === undefined) {
    return {
      isUp: false,
      findings: [
        warn('server', { found: `none answers at ${config.url}`, fix: 'airworthy serve' }),
      ],
    }
  }
  const state = [serverFinding(config.url, health), ...databaseFindings(health)]
  if (key === undefined) return { isUp: true, findings: [...state, noKey(config.keyFile)] }
  return { isUp: true, findings: [...state, ...(await askWithKey(client, config))] }
}

function serverFinding(url: string, health: Health): Finding {
  const found = `${health.status} at ${url}, version ${health.version}, ${health.openCalls} calls open`
  if (health.status === 'ok') return ok('server', found)
  return fail('server', {
    found,
    fix: 'Read its log; "stopping" ends by itself, then start it again.',
  })
}

function databaseFindings({ database }: Health): Finding[] {
  if (database === null) {
    return [
      fail('database', {
        found: 'the server cannot reach PostgreSQL',
        fix: 'Start PostgreSQL, or check DATABASE_URL of the server.',
      }),
    ]
  }
  const kind = database.embedded ? 'embedded' : 'your own'
  return [
    ok('database', `PostgreSQL ${database.version}, ${kind}, migrated when the server started`),
    clockFinding(database.clockSkewMs),
  ]
}

function noKey(keyFile: string): Finding {
  return fail('key', {
    found: `there is no operator key in ${keyFile}`,
    fix: 'Name it with --key-file; if it is lost: stop, then airworthy serve --new-operator-key',
  })
}

async function askWithKey(client: Client, config: ClientConfig): Promise<Finding[]> {
  try {
    const log = await client.getLog()
    const unknown = await client.listEffects({ state: 'unknown', limit: effectsMax })
    const key = ok('key', config.key === undefined ? config.keyFile : 'AIRWORTHY_OPERATOR_KEY')
    const { channels } = await client.listChannels()
    return [
      key,
      ...logFindings(log, true),
      effectsFinding(unknown.effects.length),
      channelsFinding(channels.map(({ name, deliveries }) => ({ name, ...deliveries }))),
    ]
  } catch (thrown) {
    if (!(thrown instanceof AirworthyApiError)) throw thrown
    const fix =
      thrown.status === 401 || thrown.status === 403
        ? 'Use the operator.key of this server; if it is lost: airworthy serve --new-operator-key'
        : 'Read the log of the server.'
    return [fail('key', { found: `${thrown.code}: ${thrown.message}`, fix })]
  }
}
