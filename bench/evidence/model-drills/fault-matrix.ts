// Runs the cells of the fault matrix, one session each, and holds what the client saw and what was
// recorded against the books of the provider.
import { Pool } from 'undici'
import type { FakeProvider } from '../../../examples/provider/server.ts'
import type { Airworthy } from '../../airworthy.ts'
import { callModel } from './call.ts'
import * as cellsOf from './fault-cells.ts'
import type { Cell } from './fault-cells.ts'
import { type DrillModel, endpointOf, enrolDrill, inParallel, openAccess } from './ground.ts'
import { judge, type Outcome } from './judge.ts'
import { type CallRow, DrillRecord, findStray, type Stray } from './ledgers.ts'

export type FaultGround = {
  readonly provider: FakeProvider
  readonly first: Airworthy
  readonly loaded: Airworthy
  readonly log: (line: string) => void
  /** Instead of all of them. */
  readonly faults?: ReadonlySet<string>
}

export type CellFigures = {
  readonly cells: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly unsettled: number
  readonly stray: Stray
  readonly wrong: readonly string[]
  readonly holds: boolean
}

const agent = 'fault-matrix'
const concurrency = 16
const timeoutMs = 4000
const silenceMs = 600
/** The deadline, and what a busy machine may need on top of it. */
const withinMs = timeoutMs + 4000
const quietWithinMs = 15_000
const wrongShownMax = 40

type Played = { readonly cell: Cell; readonly outcome: Outcome; readonly sessionId: string }

export async function runFaultCells(ground: FaultGround): Promise<CellFigures> {
  const { provider, first, loaded, log } = ground
  const { apiKey, agentId } = await enrolDrill(first, { agent, models: makeModels(provider.url) })
  const cells = cellsOf.makeCells().filter(({ fault }) => ground.faults?.has(fault) ?? true)
  const pool = new Pool(loaded.url, { connections: concurrency })
  const played: Played[] = []
  log(`${cells.length} cells: ${cellsOf.faults.length} faults, ${cellsOf.ways.length} ways`)
  const work = async (cell: Cell): Promise<void> => {
    const access = await openAccess(loaded, { agent, apiKey })
    const seen = await callModel(pool, access, { ask: cell.ask, withinMs })
    played.push({ cell, outcome: judge(cell.ask, seen), sessionId: access.sessionId })
  }
  // Tens of megabytes at once keep this process from answering others in time.
  const [heavy, light] = [true, false].map((isHeavy) =>
    cells.filter(({ fault }) => (fault === 'oversized') === isHeavy),
  )
  await inParallel(light ?? [], { width: concurrency, work })
  await inParallel(heavy ?? [], { width: 1, work })
  await pool.close()
  await using record = await DrillRecord.open(first.databaseUrl)
  const unsettled = await record.quiet([agentId], quietWithinMs)
  const wrong = [
    ...findWrong(played),
    ...findUnbilled(provider, played, await record.calls([agentId])),
  ]
  const stray = await findStray(record, [agentId])
  for (const line of table(played)) log(line)
  for (const line of wrong) log(`wrong: ${line}`)
  const isSettled = unsettled === 0 && stray.reservedLedgers === 0 && stray.unknownDiffers === 0
  const outcomes = Object.groupBy(played, ({ outcome }) => outcome.kind)
  return {
    cells: played.length,
    outcomes: Object.fromEntries(
      Object.entries(outcomes).map(([kind, list]) => [kind, list.length]),
    ),
    unsettled,
    stray,
    wrong: wrong.slice(0, wrongShownMax),
    holds: wrong.length === 0 && isSettled && played.length === cells.length,
  }
}

function makeModels(providerUrl: string): DrillModel[] {
  return cellsOf.ways.flatMap((way) =>
    cellsOf.faults.map((fault) => ({
      name: cellsOf.modelName(way, fault),
      endpoints: way.upstreams.map((kind, tier) => ({
        ...endpointOf(kind, {
          name: `e${tier}`,
          providerUrl,
          upstreamModel: tier === 0 ? cellsOf.faultyModel(fault) : 'fake',
        }),
        tier,
      })),
      retries: {
        attempts: way.upstreams.length > 1 ? 3 : 1,
        baseDelayMs: 20,
        maxDelayMs: 100,
        retryAfterMaxMs: 100,
      },
      timeoutMs,
      firstByteTimeoutMs: silenceMs,
      idleTimeoutMs: silenceMs,
    })),
  )
}

function findWrong(played: readonly Played[]): string[] {
  return played.flatMap(({ cell, outcome }) => {
    const { kind, detail } = outcome
    const wanted = cellsOf.expected(cell)
    if (kind === 'malformed') return [`${cell.ask.user}: ${detail}`]
    const isFit = wanted === 'either' || (wanted === 'whole') === (kind === 'whole')
    return isFit ? [] : [`${cell.ask.user}: ${kind} (${detail}) instead of ${wanted}`]
  })
}

/** What the provider bills is settled or held as unknown, and exact wherever it was told. */
function findUnbilled(
  provider: FakeProvider,
  played: readonly Played[],
  calls: readonly CallRow[],
): string[] {
  const billed = billedByUser(provider)
  const bySession = Map.groupBy(calls, ({ sessionId }) => sessionId)
  return played.flatMap(({ cell, sessionId }) => {
    const { user } = cell.ask
    const of = bySession.get(sessionId) ?? []
    const bill = billed.get(user) ?? 0
    if (of.length === 0) return [`${user}: no call is recorded`]
    const settled = of.reduce((sum, call) => sum + settledTokens(call), 0)
    const unknown = of.filter(({ state }) => state === 'unknown')
    const kept = unknown.reduce((sum, { reserved }) => sum + Number(reserved[1]), 0)
    if (unknown.length === 0 && cellsOf.isUsageTrue(cell) && settled !== bill) {
      return [`${user}: ${settled} tokens are settled, ${bill} are billed`]
    }
    if (cell.fault === 'wrong-status') return []
    return settled + kept < bill ? [`${user}: ${settled + kept} of ${bill} tokens counted`] : []
  })
}

function settledTokens({ state, promptTokens, completionTokens }: CallRow): number {
  return state === 'unknown' ? 0 : (promptTokens ?? 0) + (completionTokens ?? 0)
}

function billedByUser(provider: FakeProvider): Map<string, number> {
  const billed = new Map<string, number>()
  for (const { user, promptTokens, outputTokens } of provider.books.entries()) {
    billed.set(user, (billed.get(user) ?? 0) + promptTokens + outputTokens)
  }
  return billed
}

const letters: Readonly<Record<Outcome['kind'], string>> = {
  whole: 'w',
  error: 'e',
  'stream-error': 's',
  aborted: 'a',
  malformed: '!',
}

/** Fault x mode, and for each way a letter for the text and one for the tool call. */
function table(played: readonly Played[]): string[] {
  const rows = Map.groupBy(
    played,
    ({ cell }) => `${cell.fault.padEnd(23)} ${cell.ask.stream ? 'stream' : 'json  '}`,
  )
  const head = cellsOf.ways.map((way, index) => `${index + 1}: ${cellsOf.wayName(way)}`)
  const lines = Array.from(rows, ([name, list]) => {
    const columns = cellsOf.ways.map((way) =>
      list
        .filter(({ cell }) => cell.way === way)
        .toSorted((a, b) => a.cell.ask.user.localeCompare(b.cell.ask.user))
        .map(({ outcome }) => letters[outcome.kind])
        .join(''),
    )
    return `${name}  ${columns.join(' ')}`
  })
  const legend = 'w whole, e error, s error within the stream, ! malformed; text and tool call'
  return [...head, legend, ...lines.toSorted()]
}
