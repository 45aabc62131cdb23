// Triggers fire where they are due and nowhere else: own cases over the retail world, each with what
// must fire, and recorded runs against what the recordings themselves say. The report is printed.
import { Client as Database } from 'pg'
import { startFakeTools } from '../../e2e/harness/fake-tools.ts'
import { startSayingModel } from '../../e2e/harness/saying-model.ts'
import { startShop } from '../../e2e/harness/shop.ts'
import { startAirworthy } from '../airworthy.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { sharedData } from './replay.ts'
import { cases } from './triggers/cases.ts'
import { flyCase, type World } from './triggers/fly-case.ts'
import { flyRecorded } from './triggers/recorded-runs.ts'

const casesMin = 60
const sessionsQuick = 30

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const own = await flyCases(log)
  const limit = quick ? sessionsQuick : undefined
  const recorded = await flyRecorded({ dataDirectory: sharedData(), limit, log })
  const wrong = [...own.wrong, ...recorded.wrong]
  return {
    cases: cases.length,
    controls: cases.filter(({ fires }) => Object.keys(fires).length === 0).length,
    steps: own.steps,
    report: own.report,
    recorded: recorded.figures,
    wrong,
    holds: wrong.length === 0 && cases.length >= casesMin,
  }
}

async function flyCases(
  log: (line: string) => void,
): Promise<{ wrong: string[]; steps: number; report: unknown }> {
  await using stack = new AsyncDisposableStack()
  const airworthy = stack.use(await startAirworthy())
  const shop = stack.use(await startShop(airworthy.databaseUrl))
  const model = stack.use(await startSayingModel())
  const desk = stack.use(await startFakeTools())
  const database = new Database({ connectionString: airworthy.databaseUrl })
  await database.connect()
  stack.defer(() => database.end())
  const world: World = {
    client: airworthy.client,
    url: airworthy.url,
    database,
    shopUrl: shop.url,
    modelUrl: model.baseUrl,
    desk,
  }
  const wrong: string[] = []
  for (const [index, flown] of cases.entries()) {
    wrong.push(...(await flyCase(world, flown, index)))
    if ((index + 1) % 20 === 0) log(`${index + 1} of ${cases.length} cases, ${wrong.length} wrong`)
  }
  const { calls, triggers } = await airworthy.client.reportEscalation()
  for (const each of triggers) log(JSON.stringify(each))
  const steps = cases.reduce((total, each) => total + each.steps.length, 0)
  return { wrong, steps, report: { calls, triggers } }
}
