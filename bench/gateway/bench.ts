// The gateway bench as one function: starts what is measured, runs the rounds, stops it all.

import { createBenchDatabase, type BenchDatabase } from './database.ts'
import { reportOf, type Report } from './report.ts'
import { runRounds, type RoundsPlan, type RoundsResult } from './rounds.ts'
import { startDirect, startDispatch, startFloor, startGateway } from './targets.ts'
import type { Target, TargetName } from './targets.ts'

export type BenchOptions = {
  readonly plan: RoundsPlan
  readonly targets: readonly TargetName[]
  /** A PostgreSQL to use for the floor and for Airworthy instead of Airworthy's embedded one. */
  readonly databaseUrl?: string | undefined
  /** How many sessions the load's connections share; one each when there are as many. */
  readonly sessions: number
  readonly log: (line: string) => void
}

export type BenchOutcome = {
  readonly report: Report
  readonly result: RoundsResult
  readonly postgres: string
}

export const fullPlan: RoundsPlan = {
  rounds: 5,
  connections: [1, 32, 128],
  kinds: ['json', 'sse'],
  warmUpSeconds: 1,
  seconds: 4,
  firstByteSamples: 200,
  commitSamples: 300,
}

export const quickPlan: RoundsPlan = {
  ...fullPlan,
  rounds: 3,
  connections: [32, 128],
  warmUpSeconds: 0.5,
  seconds: 2,
  firstByteSamples: 100,
}

export async function runBench(options: BenchOptions): Promise<BenchOutcome> {
  await using cleanUp = new AsyncDisposableStack()
  const { targets, database } = await startAll(options, cleanUp)
  const result = await runRounds(options.plan, { targets, database, log: options.log })
  return { report: reportOf(options.plan, result), result, postgres: database.version }
}

async function startAll(
  options: BenchOptions,
  cleanUp: AsyncDisposableStack,
): Promise<{ targets: readonly Target[]; database: BenchDatabase }> {
  const started: Target[] = []
  const keep = (target: Target) => {
    cleanUp.defer(target.stop)
    if (options.targets.includes(target.name)) started.push(target)
    return target
  }
  const direct = keep(await startDirect())
  const upstream = direct.origin
  if (options.targets.includes('dispatch')) keep(await startDispatch(upstream))
  let { databaseUrl } = options
  let gateway: Target | undefined
  if (options.targets.includes('airworthy')) {
    options.log('starting Airworthy and enrolling the bench agent')
    const { sessions } = options
    const { target, airworthy } = await startGateway({ upstream, sessions, databaseUrl })
    cleanUp.defer(target.stop)
    databaseUrl = airworthy.databaseUrl
    gateway = target
  }
  if (databaseUrl === undefined) throw new Error('without Airworthy, give --database <url>')
  const database = await createBenchDatabase(databaseUrl)
  cleanUp.defer(database.drop)
  if (options.targets.includes('floor')) keep(await startFloor(upstream, database.url))
  if (gateway !== undefined) started.push(gateway)
  return { targets: started, database }
}
