// What the server is told on its command line and in its environment.
import { parseArgs } from 'node:util'
import type { SeedSource } from './seed/source.ts'

export type ServerOptions = {
  databaseUrl: string
  listen: { kind: 'stdio' } | { kind: 'http'; port: number }
  seed: { name: string; source: SeedSource }
  delayMs: number
  delayAfterCommitMs: number
}

export const USAGE = `usage: RETAIL_DATABASE_URL=postgres://... server.ts (--stdio | --http)
  --port N                    port of --http on 127.0.0.1; 0, the default, takes a free one
  --seed generated|DIRECTORY  invented data (default), or a tau2-bench retail directory
  --seed-number N             number the invented data grows from (default 1)
  --seed-name NAME            name the seeding is kept under (default generated-N or tau2)
  --delay-ms N                wait before a tool runs
  --delay-after-commit-ms N   wait after a write is committed, before the reply`

const DELAY_MS_MAX = 600_000
const PORT_MAX = 65_535

// Throws a sentence for whoever typed the command.
export function parseServerOptions(
  args: string[],
  environment: Record<string, string | undefined>,
): ServerOptions {
  const { values } = parseArgs({
    args,
    options: {
      stdio: { type: 'boolean', default: false },
      http: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      seed: { type: 'string', default: 'generated' },
      'seed-number': { type: 'string', default: '1' },
      'seed-name': { type: 'string' },
      'delay-ms': { type: 'string', default: environment.RETAIL_DELAY_MS ?? '0' },
      'delay-after-commit-ms': {
        type: 'string',
        default: environment.RETAIL_DELAY_AFTER_COMMIT_MS ?? '0',
      },
    },
  })
  const databaseUrl = environment.RETAIL_DATABASE_URL
  if (databaseUrl === undefined || databaseUrl === '')
    throw new Error('RETAIL_DATABASE_URL must name a PostgreSQL database')
  if (values.stdio === values.http) throw new Error('say either --stdio or --http')
  const seedNumber = parseCount('--seed-number', values['seed-number'], 2 ** 32 - 1)
  const isGenerated = values.seed === 'generated'
  return {
    databaseUrl,
    listen: values.stdio
      ? { kind: 'stdio' }
      : { kind: 'http', port: parseCount('--port', values.port, PORT_MAX) },
    seed: {
      name: values['seed-name'] ?? (isGenerated ? `generated-${seedNumber}` : 'tau2'),
      source: isGenerated
        ? { kind: 'generated', seed: seedNumber }
        : { kind: 'tau2', directory: values.seed },
    },
    delayMs: parseCount('--delay-ms', values['delay-ms'], DELAY_MS_MAX),
    delayAfterCommitMs: parseCount(
      '--delay-after-commit-ms',
      values['delay-after-commit-ms'],
      DELAY_MS_MAX,
    ),
  }
}

function parseCount(name: string, text: string, max: number): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count > max)
    throw new Error(`${name} must be a whole number from 0 to ${max}, not ${text}`)
  return count
}
