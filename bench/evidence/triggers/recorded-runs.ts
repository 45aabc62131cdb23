// Recorded runs under pacts with triggers, observing: what the triggers would have held is compared
// with what the recordings themselves say, read without the gateway.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EscalationReport } from '@airworthy/sdk'
import { pactFiles } from '../../../examples/replay/agent.ts'
import { openEnvironment, type Environment } from '../../../examples/replay/environment.ts'
import { readRecording, type Recording, type Run } from '../../../examples/replay/recording.ts'
import { replayRecording } from '../../../examples/replay/replay.ts'
import type { ReplayReport } from '../../../examples/replay/report.ts'
import { recordingPath, recordings } from '../../../examples/replay/shared-data.ts'
import { toolDefinitions } from '../../../examples/retail/index.ts'
import type { Json } from '../../../e2e/harness/json.ts'

const concurrency = 8
const agentName = 'retail-replay'
const writesFree = 1
const phrase = 'unable to'

const reads = new Set<string>(
  toolDefinitions.filter((tool) => tool.kind === 'read').map((tool) => tool.name),
)

const due: Json = {
  materiality: { writes: writesFree, dataClasses: ['customer'] },
  confidence: { statement: { path: 'confidence', min: 0.8 } },
  competence: { provenTasks: { 'another-task': { passed: 50, of: 50 } } },
  doubt: { phrases: [phrase] },
  taint: { after: 'private' },
}

/** The same triggers, where nothing of the recordings meets them. */
const notDue: Json = {
  materiality: { writes: 1000, dataClasses: ['health'] },
  confidence: { statement: { path: 'confidence', min: 0.8 }, missing: 'ignore' },
  competence: { provenTasks: { 'retail-support': { passed: 50, of: 50 } } },
  doubt: { phrases: ['words that nobody says'] },
  anomaly: {},
  taint: { after: 'untrusted' },
}

export type RecordedFigures = {
  readonly recording: string
  readonly sessions: number
  readonly writes: number
  readonly due: Readonly<Record<string, number>>
  readonly fired: Readonly<Record<string, number>>
  readonly firedOfControl: number
}

export async function flyRecorded(options: {
  readonly dataDirectory: string
  readonly limit: number | undefined
  readonly log: (line: string) => void
}): Promise<{ figures: RecordedFigures; wrong: string[] }> {
  const { dataDirectory, limit, log } = options
  await using opened = new AsyncDisposableStack()
  const environment = opened.use(await openEnvironment({ dataDirectory }))
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-triggers-'))
  opened.defer(() => rm(directory, { recursive: true }))
  const recording = await readRecording(recordingPath(dataDirectory, recordings.base))
  const fly = (escalation: Json, name: string): Promise<Flown> =>
    replayUnder(environment, { recording, escalation, limit, file: join(directory, name) })
  log(`${recording.name}: triggers that nothing meets`)
  const control = await fly(notDue, 'control.yaml')
  log(`${recording.name}: triggers that are due`)
  const flown = await fly(due, 'due.yaml')
  const runs = recording.runs.slice(0, limit ?? recording.runs.length)
  const expected = countDue(runs, flown.replayed)
  const fired = byCode(flown.report)
  const wrong = [
    ...[control, flown].flatMap(({ replayed }) =>
      replayed.isAsRecorded
        ? []
        : [`a replay differs from its recording: ${JSON.stringify(replayed.failed)}`],
    ),
    ...(control.report.calls === 0 ? [] : [`${control.report.calls} calls met the controls`]),
    ...(JSON.stringify(fired) === JSON.stringify(expected.codes)
      ? []
      : [`fired ${JSON.stringify(fired)}, due ${JSON.stringify(expected.codes)}`]),
  ]
  return {
    figures: {
      recording: recording.name,
      sessions: flown.replayed.sessions,
      writes: expected.writes,
      due: expected.codes,
      fired,
      firedOfControl: control.report.calls,
    },
    wrong,
  }
}

type Flown = { readonly replayed: ReplayReport; readonly report: EscalationReport }

async function replayUnder(
  environment: Environment,
  options: {
    readonly recording: Recording
    readonly escalation: Json
    readonly limit: number | undefined
    readonly file: string
  },
): Promise<Flown> {
  const { recording, escalation, limit, file } = options
  const plain = await readFile(pactFiles.allowAll, 'utf8')
  const manifest = plain
    .replace(
      'retail/get_user_details: { effect: read }',
      'retail/get_user_details: { effect: read, dataClasses: [customer], returns: { trust: trusted, private: true } }',
    )
    .replace(/^ {2}stakes: high$/mu, '  stakes: low')
    .replace(/^pact:$/mu, `pact:\n  escalation: ${JSON.stringify(escalation)}`)
  await writeFile(file, manifest)
  const replayed = await replayRecording(environment, {
    recording,
    manifestFile: file,
    mode: 'observe',
    concurrency,
    ...(limit === undefined ? {} : { limit }),
  })
  return { replayed, report: await environment.client.reportEscalation({ agent: agentName }) }
}

function byCode(report: EscalationReport): Record<string, number> {
  const told = report.codes.map(
    ({ trigger, code, fired }) => [`${trigger} ${code}`, fired] as const,
  )
  return Object.fromEntries(told.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

/** What the recording says must fire; a write that is answered from a stored effect is none. */
function countDue(
  runs: readonly Run[],
  replayed: ReplayReport,
): { codes: Record<string, number>; writes: number } {
  const codes = new Map<string, number>()
  const add = (code: string): void => void codes.set(code, (codes.get(code) ?? 0) + 1)
  let total = 0
  for (const run of runs) {
    const repeats = replayed.toolResultsRepeated.filter((each) => each.taskId === run.taskId)
    let [writes, isDoubted, isPrivate] = [0, false, false]
    for (const turn of run.turns) {
      if (turn.reply.content?.toLowerCase().includes(phrase) === true) isDoubted = true
      for (const { name } of turn.toolCalls) {
        const repeat = repeats.findIndex(({ tool }) => tool === name)
        const isRepeat = writes > 0 && repeat !== -1 && hasBefore(run, turn.index, name)
        if (isRepeat) repeats.splice(repeat, 1)
        if (reads.has(name)) {
          if (name === 'get_user_details') {
            add('materiality data')
            isPrivate = true
          }
        } else if (!isRepeat) {
          if (writes >= writesFree) add('materiality writes')
          add('confidence missing')
          add('competence task')
          if (isDoubted) add('doubt phrase')
          if (isPrivate) add('taint private')
          writes += 1
        }
      }
    }
    total += writes
  }
  const sorted = [...codes].toSorted(([one], [other]) => (one < other ? -1 : 1))
  return { codes: Object.fromEntries(sorted), writes: total }
}

function hasBefore(run: Run, turn: number, name: string): boolean {
  return run.turns.some((each) => each.index < turn && each.toolCalls.some((c) => c.name === name))
}
