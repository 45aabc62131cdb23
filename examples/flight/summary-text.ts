// The flight summary for people.
import type { FlightLine, FlightSummary } from './summary.ts'

export function formatSummary(summary: FlightSummary, cliName: string): string {
  return [
    '',
    'Flight summary',
    ...fields(rowsOf(summary)),
    '',
    ...sessionLines(summary.flights),
    '',
    'Try next',
    ...fields(nextSteps(summary, cliName)),
  ].join('\n')
}

function rowsOf(summary: FlightSummary): [string, string][] {
  const { decisions } = summary
  const streamed = `${summary.modelCallsStreamed} of them streamed`
  return [
    ['agent', `${summary.agent}, version ${summary.agentVersion}, pact ${summary.pactVersion}`],
    ['model', summary.model],
    ['sessions', String(summary.sessions)],
    [
      'calls',
      `${summary.calls}: ${summary.modelCalls} to the model (${streamed}), ${summary.toolCalls} to tools, ${summary.undoCalls} to undo`,
    ],
    ['decisions', `${decisions.allow} allow, ${decisions.hold} hold, ${decisions.deny} deny`],
    ['denied by', counts(summary.denials)],
    ['holds', counts(summary.holds)],
    ['effects', counts(summary.effects)],
    ['asked twice', repeatText(summary)],
    ['tokens', summary.isScripted ? `${summary.tokens}, estimated` : String(summary.tokens)],
    ['cost', costText(summary)],
    ['latency added', latencyText(summary)],
    [
      'log',
      `${summary.entries} entries (${summary.entriesOfThisFlight} of this flight), ` +
        `${summary.gaps} gaps, ${summary.callsWithoutOutcome} calls without an outcome`,
    ],
    ['time', `${(summary.durationMs / 1000).toFixed(1)} s`],
    ['data', `${summary.dataDir}${summary.database === 'embedded' ? '' : ', and DATABASE_URL'}`],
  ]
}

function repeatText({ repeats, repeatedWriteRows }: FlightSummary): string {
  const answered = `${repeats} answered from a stored result`
  if (repeatedWriteRows === null) return answered
  return `${answered}; the shop ran the repeated write ${times(repeatedWriteRows)}`
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function costText({ costBasis, costNanoUsd }: FlightSummary): string {
  if (costBasis === null) return 'not known: no prices for this model'
  return `${usd(costNanoUsd)} USD by the manifest's ${costBasis}`
}

function usd(nanoUsd: string): string {
  const digits = nanoUsd.padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}

function latencyText({ addedLatencyMsP50, addedLatencyMsP99 }: FlightSummary): string {
  if (addedLatencyMsP50 === null || addedLatencyMsP99 === null) {
    return 'not known: the provider does not tell its own time'
  }
  return `${addedLatencyMsP50} ms p50, ${addedLatencyMsP99} ms p99 to a model call, client included`
}

function sessionLines(flights: readonly FlightLine[]): string[] {
  return flights.flatMap((flight, index) => {
    const { modelCalls, toolCalls, states, denials, effects, stoppedBy, journalRows } = flight
    const happened = [
      `${modelCalls} model and ${toolCalls} tool calls`,
      ...(states.denied === undefined ? [] : [`denied: ${counts(denials)}`]),
      ...(Object.keys(effects).length === 0 ? [] : [`effects: ${counts(effects)}`]),
      ...(states.repeated === undefined ? [] : [`repeated: ${states.repeated}`]),
      ...(stoppedBy === null ? [] : [`stopped by ${stoppedBy}`]),
      `shop's journal: ${journalRows}`,
    ]
    return [`  ${index + 1} ${flight.title}`, `    ${flight.sessionId}  ${happened.join('; ')}`]
  })
}

function nextSteps({ flights, examples }: FlightSummary, cliName: string): [string, string][] {
  const [first] = flights
  return [
    ...(first === undefined
      ? []
      : [['a session', `${cliName} session show ${first.sessionId}`] satisfies [string, string]]),
    ...(examples.denied === null
      ? []
      : ([
          ['why it was denied', `${cliName} call show ${examples.denied}`],
          ['its log entries', `${cliName} call receipt ${examples.denied}`],
        ] satisfies [string, string][])),
    ...(examples.undoable === null
      ? []
      : [['undo a write', `${cliName} call undo ${examples.undoable}`] satisfies [string, string]]),
    ['is all well', `${cliName} doctor`],
    ['the rules', 'examples/agents/retail-desk.yaml'],
    ['your own agent', 'docs/guides/own-agent.md'],
  ]
}

function counts(numbers: Readonly<Record<string, number>>): string {
  const parts = Object.entries(numbers).map(([name, count]) => `${count} ${name.replace('_', ' ')}`)
  return parts.length === 0 ? 'none' : parts.join(', ')
}

function fields(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
}
