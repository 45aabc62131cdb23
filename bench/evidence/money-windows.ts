// Days of a limit against the calendar, on the real server and a database whose clock is moved: days
// of 23, 24.5 and 25 hours, zones that change, and limits that change at midnight. A call must go
// through exactly where the day in that zone has room for it, by the bank's own books.
import { Client as Database } from 'pg'
import { bankManifest, type Bank, startBank } from '../../examples/bank/server.ts'
import { replaceClock, setClock } from '../../server/test/test-clock.ts'
import { type Airworthy, startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { connectPayer, type Payer } from './money/payer.ts'

const hourMs = 3_600_000
const days = [
  { date: '2027-03-28', zone: 'Europe/Berlin', hours: 23 },
  { date: '2027-10-31', zone: 'Europe/Berlin', hours: 25 },
  { date: '2028-03-12', zone: 'America/New_York', hours: 23 },
  { date: '2028-11-05', zone: 'America/New_York', hours: 25 },
  { date: '2029-04-01', zone: 'Australia/Lord_Howe', hours: 24.5 },
  { date: '2029-10-07', zone: 'Australia/Lord_Howe', hours: 23.5 },
] as const
const zoneChanges = { quick: 12, full: 120 }
const stepsPerZone = 4
const max = 100

type Ground = {
  readonly server: Airworthy
  readonly bank: Bank
  readonly opened: AsyncDisposableStack
  readonly moveTo: (ms: number) => Promise<void>
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const bank = opened.use(await startBank())
  // Its PostgreSQL is what is needed of it: the one that is tested has a database of its own there.
  const host = opened.use(await startAirworthy())
  const database = opened.use(await openDatabase(host.databaseUrl))
  const server = opened.use(await startAirworthy({ databaseUrl: database.url }))
  const ground: Ground = { server, bank, moveTo: database.moveTo, opened }
  const wrong: string[] = []
  for (const day of days) wrong.push(...(await checkDay(ground, day)))
  log(`${days.length} days on which clocks are turned: ${wrong.length} wrong`)
  const changed = await checkLimitChange(ground)
  wrong.push(...changed)
  const zones = await checkZones(ground, quick ? zoneChanges.quick : zoneChanges.full)
  wrong.push(...zones.wrong)
  const { calls, changes, mostInADay } = zones
  log(`${changes} changes of zone: at most ${mostInADay} of ${max} left in any day of a zone`)
  return {
    days: days.map(({ date, zone, hours }) => `${date} ${zone}: ${hours} h`),
    zoneChanges: changes,
    callsAcrossZones: calls,
    mostInADay,
    limit: max,
    wrong,
    holds: wrong.length === 0 && mostInADay <= max,
  }
}

async function openDatabase(
  hostUrl: string,
): Promise<{ url: string; moveTo: (ms: number) => Promise<void> } & AsyncDisposable> {
  const name = 'money_windows'
  const host = new Database({ connectionString: hostUrl })
  await host.connect()
  await host.query(`CREATE DATABASE ${name}`)
  await host.end()
  const url = new URL(hostUrl)
  url.pathname = `/${name}`
  const database = new Database({ connectionString: url.href })
  await database.connect()
  await replaceClock(database)
  return {
    url: url.href,
    moveTo: (ms) => setClock(database, new Date(ms).toISOString()),
    [Symbol.asyncDispose]: () => database.end(),
  }
}

let made = 0

/** An agent of its own, with a limit of its own by the same name. */
async function limited(
  { server, bank, opened }: Ground,
  limit: { readonly name: string; readonly zone: string },
): Promise<Payer> {
  const { name: agent, zone } = limit
  const manifest = bankManifest({ agent, url: bank.url })
  const { apiKey } = await server.client.enrolAgent({ manifest, file: `${agent}.json` })
  await server.client.setLimit(agent, daily({ agent, zone, most: max }))
  return opened.use(await connectPayer(server, { agent, apiKey: apiKey ?? '' }))
}

async function pay(payer: Payer, amount: number): Promise<string> {
  made += 1
  return payer.pay({ amount: amount.toFixed(2), reference: `w-${made}` })
}

const daily = ({ agent, zone, most }: { agent: string; zone: string; most: number }) =>
  ({
    kind: 'window',
    scope: 'agent',
    subject: agent,
    asset: 'USD',
    max: most.toFixed(2),
    window: { kind: 'calendar', unit: 'day', zone },
  }) as const

type Expectation = readonly [atMs: number, amount: number, outcome: string]

/** Each at its time; gives what was otherwise. */
async function check(
  { moveTo }: Ground,
  of: { readonly name: string; readonly payer: Payer },
  all: readonly Expectation[],
): Promise<string[]> {
  const wrong: string[] = []
  for (const [atMs, amount, expected] of all) {
    await moveTo(atMs)
    const outcome = await pay(of.payer, amount)
    if (outcome !== expected) {
      wrong.push(
        `${of.name}, ${new Date(atMs).toISOString()}, ${amount}: ${outcome}, not ${expected}`,
      )
    }
  }
  return wrong
}

async function checkDay(
  ground: Ground,
  { date, zone, hours }: (typeof days)[number],
): Promise<string[]> {
  const startMs = Temporal.PlainDate.from(date).toZonedDateTime(zone).epochMilliseconds
  const endMs = startMs + hours * hourMs
  const next = Temporal.PlainDate.from(date).add({ days: 1 }).toZonedDateTime(zone)
  if (next.epochMilliseconds !== endMs) return [`${date} in ${zone} has not ${hours} hours`]
  const name = `day-${date}`
  await ground.moveTo(startMs - 2 * hourMs)
  const payer = await limited(ground, { name, zone })
  // A moment before each boundary: PostgreSQL's clock runs on while the call is made.
  const soonMs = 2_000
  return check(ground, { name, payer }, [
    [startMs - soonMs * 4, max, 'paid'],
    [startMs - soonMs * 2, 0.01, 'limit.exceeded'],
    [startMs + soonMs, max - 1, 'paid'],
    [startMs + 3 * hourMs, 1.01, 'limit.exceeded'],
    [endMs - soonMs * 2, 1.01, 'limit.exceeded'],
    [endMs - soonMs, 1, 'paid'],
    [endMs + soonMs, max, 'paid'],
    [endMs + hourMs, 0.01, 'limit.exceeded'],
  ])
}

/** Lowered and (by nobody alone) raised at midnight; what was used stays used. */
async function checkLimitChange(ground: Ground): Promise<string[]> {
  const zone = 'Europe/Berlin'
  const startMs = Temporal.PlainDate.from('2030-06-10').toZonedDateTime(zone).epochMilliseconds
  const name = 'changed'
  const { client } = ground.server
  await ground.moveTo(startMs - hourMs)
  const of = { name, payer: await limited(ground, { name, zone }) }
  const wrong = await check(ground, of, [[startMs - 10_000, 60, 'paid']])
  await ground.moveTo(startMs - 6_000)
  await client.setLimit(name, daily({ agent: name, zone, most: max / 2 }))
  wrong.push(
    ...(await check(ground, of, [
      [startMs - 4_000, 0.01, 'limit.exceeded'],
      [startMs + 1_000, max / 2, 'paid'],
      [startMs + 5_000, 0.01, 'limit.exceeded'],
    ])),
  )
  const raised = await client.setLimit(name, {
    ...daily({ agent: name, zone, most: max }),
    reason: 'by one person',
  })
  if (raised.proposal === null) wrong.push('one person raised a limit')
  wrong.push(...(await check(ground, of, [[startMs + 9_000, 0.01, 'limit.exceeded']])))
  return wrong
}

/** One limit whose zone is changed again and again; every day of every zone while it held is summed. */
async function checkZones(
  ground: Ground,
  changes: number,
): Promise<{ calls: number; changes: number; mostInADay: number; wrong: string[] }> {
  const zones = ['UTC', 'Pacific/Kiritimati', 'America/New_York', 'Asia/Kolkata', 'Pacific/Apia']
  const name = 'zones'
  let nowMs = Date.UTC(2031, 0, 10)
  await ground.moveTo(nowMs)
  const payer = await limited(ground, { name, zone: 'UTC' })
  const held: { zone: string; fromMs: number; untilMs: number }[] = []
  const left: { atMs: number; amount: number }[] = []
  for (let n = 0; n < changes; n += 1) {
    const zone = zones[(n * 3) % zones.length] ?? 'UTC'
    // Thirty-two changes of a window a year are remembered, and more refused.
    if (n % 30 === 29) nowMs += 400 * 24 * hourMs
    await ground.moveTo(nowMs)
    await ground.server.client.setLimit(name, daily({ agent: name, zone, most: max }))
    const fromMs = nowMs
    for (let step = 0; step < stepsPerZone; step += 1) {
      nowMs += 60_000 + (((n * 7_919 + step * 104_729) * 1_009) % (9 * hourMs))
      await ground.moveTo(nowMs)
      const amount = 10 + ((n * 31 + step * 17) % 60)
      if ((await pay(payer, amount)) === 'paid') left.push({ atMs: nowMs, amount })
    }
    nowMs += 60_000
    held.push({ zone, fromMs, untilMs: nowMs })
  }
  let mostInADay = 0
  for (const { zone, fromMs, untilMs } of held) {
    const dayOf = (ms: number): string =>
      Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate().toString()
    const within = left.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
    for (const { atMs } of within) {
      const day = left.filter((other) => dayOf(other.atMs) === dayOf(atMs))
      mostInADay = Math.max(
        mostInADay,
        day.reduce((sum, { amount }) => sum + amount, 0),
      )
    }
  }
  const wrong =
    left.length < changes ? [`only ${left.length} calls of ${changes} zones went out`] : []
  return { calls: left.length, changes, mostInADay, wrong }
}
