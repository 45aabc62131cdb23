// 1,000 calls wait for people while days pass, a gateway is killed, and the next release comes with a
// migration of the very table. Then people decide through both gateways, the older and the newer.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Client, createClient } from '@airworthy/sdk'
import { Client as Database } from 'pg'
import { round } from '../figures.ts'
import { parseObject, startProgram, textField } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { compareJournal, decideAll, listen, tellAll, waitersCount } from './parked-holds/decide.ts'
import {
  databaseUrlOf,
  makeDirectory,
  makeNextRelease,
  startGateway,
} from './parked-holds/gateways.ts'
import { groups, manifestText, park, type Parked } from './parked-holds/park.ts'

const counter = fileURLToPath(new URL('./effect-keys/counter-server.ts', import.meta.url))
const parkedCount = 1_000
const transactionsPerSecondMax = 1
const voters = ['paula', 'quentin', 'rosa']
const withinMs = 90_000
const settleMs = 30_000

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using owner = new AsyncDisposableStack()
  const windowSeconds = quick ? 20 : 60
  const journalFile = await makeJournal(owner)
  const tool = owner.use(await startProgram({ name: 'counter', args: [counter, journalFile] }))
  const release = await makeNextRelease(owner)
  const directory = await makeDirectory(owner)
  const before = owner.use(await startGateway(directory))
  const databaseUrl = await databaseUrlOf(directory)
  const database = await connect(owner, databaseUrl)
  const key = (await readFile(textField(before.ready, 'operatorKeyFile'), 'utf8')).trim()
  const client = createClient({ baseUrl: before.url, key })
  const manifest = manifestText(textField(tool.ready, 'listening'))
  const { apiKey } = await client.enrolAgent({ manifest, file: 'parked.json' })
  const keys = await addVoters(client)

  const without = await transactionsPerSecond(database, windowSeconds)
  log(`without holds: ${round(without, 2)} transactions a second`)
  const parked = await park({ url: before.url, client, apiKey: apiKey ?? '' })
  const withHolds = await transactionsPerSecond(database, windowSeconds)
  log(`with ${parked.length} holds: ${round(withHolds, 2)} transactions a second`)

  const { masterKey } = directory
  const older = owner.use(
    await startGateway(await makeDirectory(owner, { databaseUrl, masterKey })),
  )
  await before.kill()
  await letDaysPass(database, parked)
  log('three days later: the next release takes over the data, beside a gateway of this one')
  const newer = owner.use(await startGateway(directory, release))
  const escalated = await awaitEscalation(database)
  const urls = [newer.url, older.url]
  const hearing = listen(parked, urls)
  const votes = await decideAll(parked, { urls, keys })
  log(`${votes.cast} votes were cast, ${votes.wrong.length} of them refused`)
  const decided = await awaitEnd(database)
  const heard = await hearing
  const told = await tellAll(parked, urls)
  const executed = compareJournal(parked, await readJournal(journalFile))
  const migrated = await database.query(
    "SELECT FROM airworthy.migrations WHERE name = '9000-next-release'",
  )
  const wrong = [...votes.wrong, ...heard.wrong, ...told.wrong, ...executed.wrong]
  const more = withHolds - without
  return {
    parked: parked.length,
    transactionsPerSecond: {
      without: round(without, 2),
      with: round(withHolds, 2),
      more: round(more, 2),
      max: transactionsPerSecondMax,
      windowSeconds,
    },
    simulatedDays: 3,
    migrated: migrated.rowCount === 1,
    escalated,
    votes: { cast: votes.cast, p50Ms: votes.p50Ms, p99Ms: votes.p99Ms },
    decided,
    waitersToldRight: heard.right,
    agentsToldRight: told.right,
    executed: executed.were,
    executedMust: executed.must,
    wrong: wrong.slice(0, 20),
    holds:
      more <= transactionsPerSecondMax &&
      migrated.rowCount === 1 &&
      escalated === pairsCount &&
      decided === parkedCount &&
      heard.right === waitersCount &&
      told.right === parkedCount &&
      executed.were === executed.must &&
      wrong.length === 0,
  }
}

async function makeJournal(owner: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'airworthy-parked-journal-'))
  owner.defer(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'journal.jsonl')
}

async function readJournal(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.filter((line) => line !== '').map((line) => String(parseObject(line)?.['name']))
}

async function connect(owner: AsyncDisposableStack, url: string): Promise<Database> {
  const database = new Database({ connectionString: url })
  database.on('error', () => undefined)
  await database.connect()
  owner.defer(() => database.end())
  return database
}

async function addVoters(client: Client): Promise<string[]> {
  const added: string[] = []
  for (const name of voters) {
    added.push((await client.addOperator({ name, role: 'approver' })).key)
  }
  return added
}

/** What all of the program commits while nobody asks anything of it. */
async function transactionsPerSecond(database: Database, seconds: number): Promise<number> {
  const count = async (): Promise<number> => {
    const { rows } = await database.query<{ n: string }>(
      'SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()',
    )
    return Number(rows[0]?.n)
  }
  // What was done before has its own consequences: notices, checkpoints, autovacuum.
  await sleep(settleMs)
  const from = await count()
  const began = performance.now()
  await sleep(seconds * 1000)
  return ((await count()) - from) / ((performance.now() - began) / 1000)
}

/** Three days for most; more than all their time for those that nobody answers. */
async function letDaysPass(database: Database, parked: readonly Parked[]): Promise<void> {
  const shift = async (isLate: boolean, days: number): Promise<void> => {
    const holds = parked.filter((hold) => (hold.group === 'late') === isLate)
    await database.query(
      `UPDATE airworthy.holds SET created_at = created_at - $2::interval,
         expires_at = expires_at - $2::interval, level_until = level_until - $2::interval
       WHERE hold_id = ANY($1)`,
      [holds.map((hold) => hold.holdId), `${days} days`],
    )
  }
  await shift(false, 3)
  await shift(true, 31)
}

const pairsCount = groups.agreed.count + groups.outvoted.count + groups.refused.count

/** All that need two people have come to their second level. */
function awaitEscalation(database: Database): Promise<number> {
  return until(database, pairsCount, 'level = 2')
}

function awaitEnd(database: Database): Promise<number> {
  return until(database, parkedCount, "state IN ('approved', 'rejected', 'expired')")
}

/** Asks until there are so many such holds, or the time is over; gives how many there are. */
async function until(database: Database, wanted: number, condition: string): Promise<number> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const { rows } = await database.query<{ n: string }>(
      `SELECT count(*) AS n FROM airworthy.holds WHERE ${condition}`,
    )
    const found = Number(rows[0]?.n)
    if (found >= wanted || performance.now() > deadline) return found
    await sleep(250)
  }
}
