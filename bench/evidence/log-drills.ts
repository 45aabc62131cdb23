// The drills of the log, on a PostgreSQL that syncs to the disk: SIGKILL at each step of signing and of
// deleting a shard, two integrators at once, restored backups, a second writer, a full disk, a clock that
// jumps, legal holds that come late. Each drill of signing keeps a notebook of every checkpoint it ever
// saw: two roots for one size fail it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { repository, startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const roundsFull = 3
const programs = ['server/test/log/drills.test.ts', 'server/test/log/shard-deletion.test.ts']

type Counts = { readonly passed: number; readonly failed: number; readonly failures: string[] }

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using server = await startAirworthy()
  const rounds: Counts[] = []
  for (let round = 1; round <= (quick ? 1 : roundsFull); round += 1) {
    const counts = await drill(server.databaseUrl)
    log(`round ${round}: ${counts.passed} drills passed, ${counts.failed} failed`)
    rounds.push(counts)
  }
  const holds = rounds.every(({ passed, failed }) => passed > 0 && failed === 0)
  return { rounds, holds }
}

/** The drills are tests of the server; here they run alone, and their TAP is counted. */
async function drill(databaseUrl: string): Promise<Counts> {
  // One file after the other: each drill starts processes of its own, and two cores are soon full.
  const args = [
    '--conditions=airworthy-source',
    '--test',
    '--test-concurrency=1',
    '--test-reporter=tap',
    ...programs.map((program) => join(repository, program)),
  ]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, AIRWORTHY_TEST_DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8')
  })
  await once(child, 'close')
  const lines = output.split('\n')
  const failures = lines.filter((line) => line.startsWith('not ok '))
  const passed = lines.filter((line) => line.startsWith('ok ')).length
  return { passed, failed: failures.length, failures }
}
