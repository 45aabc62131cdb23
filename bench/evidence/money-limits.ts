// A limit of 100 a day and 60 spends of 10 at once over three gateways. Some time out, some are
// refused by the bank, and one gateway is killed on the way; then 60 more. The bank's own books say
// what left.
import { setTimeout as sleep } from 'node:timers/promises'
import { bankManifest, type Bank, startBank } from '../../examples/bank/server.ts'
import { type Airworthy, startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { connectPayer, type Payer, tally } from './money/payer.ts'

const rounds = { quick: 4, full: 25 }
const spends = 60
const gatewaysCount = 3
const limitMinor = 10_000
const spendMinor = 1_000
const limitName = 'agent-day'
/** What the bank books late is booked by then. */
const settleMs = 1_500
const recoveredWithinMs = 20_000

type Round = {
  readonly killedAfterMs: number
  readonly first: Readonly<Record<string, number>>
  readonly second: Readonly<Record<string, number>>
  /** By the bank. */
  readonly leftMinor: number
  /** By the limit's ledger: settled, and held by calls whose end nobody knows. */
  readonly settled: string
  readonly unknown: string
  /** Of it what the killed gateway had in flight. */
  readonly unknownByDeathMinor: number
  readonly holds: boolean
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using bank = await startBank()
  await using first = await startAirworthy()
  await using second = await startAirworthy({ replicaOf: first })
  await first.client.setLimit(limitName, {
    kind: 'window',
    scope: 'agent',
    asset: 'USD',
    max: '100.00',
    window: { kind: 'calendar', unit: 'day', zone: 'UTC' },
  })
  const done: Round[] = []
  const count = quick ? rounds.quick : rounds.full
  for (let n = 0; n < count; n += 1) {
    const round = await runRound({ bank, first, second, n })
    done.push(round)
    log(`round ${n + 1}: ${round.leftMinor / 100} of 100 left, ${round.unknown} unknown`)
  }
  const inFlight = done.filter(({ unknownByDeathMinor: minor }) => minor > 0).length
  const most = Math.max(...done.map(({ leftMinor }) => leftMinor))
  return {
    gateways: gatewaysCount,
    limit: limitMinor / 100,
    spendsARound: spends * 2,
    rounds: done.length,
    mostThatLeft: most / 100,
    lostWithTheirGateway: sum(done.map(({ first: outcomes }) => outcomes['lost'] ?? 0)),
    roundsWithMoneyInFlightAtDeath: inFlight,
    timedOut: sum(done.map(({ first: outcomes }) => outcomes['effect.unknown'] ?? 0)),
    eachRound: done,
    // A gateway that dies idle proves nothing.
    holds: done.every(({ holds }) => holds) && inFlight > 0,
  }
}

async function runRound(of: {
  readonly bank: Bank
  readonly first: Airworthy
  readonly second: Airworthy
  readonly n: number
}): Promise<Round> {
  const { bank, first, second, n } = of
  await using opened = new AsyncDisposableStack()
  const third = opened.use(await startAirworthy({ replicaOf: first }))
  const agent = `payer-${n}`
  const manifest = bankManifest({ agent, url: bank.url, timeoutMs: 1_000 })
  const { apiKey } = await first.client.enrolAgent({ manifest, file: `${agent}.json` })
  const connect = async (gateway: Airworthy): Promise<Payer> =>
    opened.use(await connectPayer(gateway, { agent, apiKey: apiKey ?? '' }))
  // The one that will die spends first, so that it dies with money in flight.
  const payers = [await connect(third), await connect(first), await connect(second)]
  // A gateway that has just started connects to the bank with its first payment.
  for (const [at, payer] of payers.entries()) {
    await payer.pay({ amount: '1', reference: `refused-warm-${n}-${at}` })
  }
  bank.reset()
  const paying = payAll(payers, n, (n % 4) * 30)
  // Some die before anything left, some in the midst of it, some after.
  const killedAfterMs = 60 + ((n * 97) % 400)
  await sleep(killedAfterMs)
  process.kill(third.pid, 'SIGKILL')
  const outcomes = await paying
  await sleep(settleMs)
  await untilRecovered(first, agent)
  const later = await payAll(payers.slice(1), n + 1_000)
  await sleep(settleMs)
  const leftMinor = bank.left()
  const { ledgers } = await first.client.getLimit(limitName, { ledgers: 1_000 })
  const { agent: enrolled } = await first.client.getAgent(agent)
  const amount = ledgers.find(({ subject }) => subject === enrolled.id)?.amount
  const { settled = '0', reserved = '0', unknown = '0' } = amount ?? {}
  const taken = (Number(settled) + Number(reserved) + Number(unknown)) * 100
  const isUsable = taken === limitMinor && Number(reserved) === 0
  const holds = leftMinor <= limitMinor && leftMinor <= taken && isUsable
  const told = [...outcomes, ...later].filter((each) => each === 'effect.unknown').length
  return {
    killedAfterMs,
    first: tally(outcomes),
    second: tally(later),
    leftMinor,
    settled,
    unknown,
    unknownByDeathMinor: Number(unknown) * 100 - told * spendMinor,
    holds,
  }
}

/** The first payer is a little ahead of the others, so that its gateway dies with money in flight. */
function payAll(payers: readonly Payer[], n: number, aheadMs = 0): Promise<string[]> {
  const payments = Array.from({ length: spends }, (_, at) => {
    const isAhead = aheadMs > 0 && at % payers.length === 0
    const reference = `${isAhead ? 'slow' : behaviourOf(at)}-${n}-${at}`
    return { amount: String(spendMinor / 100), reference, waitMs: isAhead ? 0 : aheadMs }
  })
  return Promise.all(
    payments.map(async ({ waitMs, ...payment }, at) => {
      await sleep(waitMs)
      return payers[at % payers.length]?.pay(payment) ?? ''
    }),
  )
}

function behaviourOf(at: number): string {
  if (at % 10 === 3) return 'lost'
  if (at % 10 === 6) return 'slow'
  return at % 10 === 8 ? 'refused' : 'plain'
}

/** What the dead gateway had in flight is unknown by now: nothing of it is reserved any more. */
async function untilRecovered(gateway: Airworthy, agent: string): Promise<void> {
  const { agent: enrolled } = await gateway.client.getAgent(agent)
  const deadline = performance.now() + recoveredWithinMs
  for (;;) {
    const { ledgers } = await gateway.client.getLimit(limitName, { ledgers: 1_000 })
    const amount = ledgers.find(({ subject }) => subject === enrolled.id)?.amount
    if (amount === undefined || Number(amount.reserved) === 0) return
    if (performance.now() > deadline) throw new Error('the dead gateway was not recovered')
    await sleep(200)
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
