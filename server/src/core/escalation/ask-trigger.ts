// Each trigger as a rule: what of it is met by a call. No codes: it is not met.
import type { Call } from '../decision/call.ts'
import type { SessionFacts } from '../decision/facts.ts'
import { noTaint } from '../taint/taint.ts'
import type {
  AnomalyTrigger,
  BoundTrigger,
  CompetenceTrigger,
  ConfidenceTrigger,
  DoubtTrigger,
  FirstEncounterTrigger,
  MaterialityTrigger,
  Signals,
  TaintTrigger,
} from './escalation.ts'
import { readProbability } from './probability.ts'

export type Asked = {
  readonly call: Call
  /** The call would change something. */
  readonly isWrite: boolean
  readonly session: SessionFacts
  readonly signals: Signals
}

/** The codes that the trigger is met by. */
export function askTrigger(trigger: BoundTrigger, asked: Asked): readonly string[] {
  switch (trigger.trigger) {
    case 'materiality':
      return askMateriality(trigger, asked)
    case 'confidence':
      return askConfidence(trigger, asked)
    case 'competence':
      return askCompetence(trigger, asked)
    case 'firstEncounter':
      return askFirstEncounter(trigger, asked)
    case 'doubt':
      return askDoubt(trigger, asked)
    case 'anomaly':
      return askAnomaly(trigger, asked)
    case 'taint':
    default:
      return askTaint(trigger, asked)
  }
}

function askMateriality(trigger: MaterialityTrigger, { call, isWrite, session }: Asked): string[] {
  const codes: string[] = []
  const amount = call.kind === 'tool' ? call.amount : undefined
  if (amount !== undefined && trigger.amounts.size > 0) {
    const limit = trigger.amounts.get(amount.currency)
    // Money in a currency that the pact names no amount of is not known to be small.
    if (limit === undefined) codes.push('currency')
    else if (absolute(amount.minorUnits) >= limit) codes.push('amount')
  }
  if (trigger.writes !== undefined && isWrite && session.writes >= trigger.writes) {
    codes.push('writes')
  }
  if (trigger.dataClasses.length > 0) codes.push('data')
  return codes
}

/** Whichever way the money goes. */
function absolute(amount: bigint): bigint {
  return amount < 0n ? -amount : amount
}

/** Every source that is declared and known is asked; the lowest decides. */
function askConfidence(trigger: ConfidenceTrigger, { call, session, signals }: Asked): string[] {
  const known = session.escalation?.confidence ?? {}
  const { argument, scorer } = trigger
  const args = call.kind === 'tool' ? call.args : {}
  const own = argument && Object.hasOwn(args, argument.name) ? args[argument.name] : undefined
  const sources = [
    { code: 'stated', min: trigger.statedMin, value: known.stated },
    { code: 'logprobs', min: trigger.logprobsMin, value: known.logprobs },
    { code: 'argument', min: argument?.min, value: readProbability(own) },
    { code: 'score', min: scorer?.min, value: signals.score },
  ].filter((source) => source.min !== undefined)
  const isKnown = sources.some(({ value }) => value !== undefined)
  if (!isKnown) return trigger.isMissingFired && sources.length > 0 ? ['missing'] : []
  // A scorer that does not answer has not agreed, whatever the model says of itself.
  const isScoreDue = scorer !== undefined && signals.score === undefined
  // What was said and cannot be read may have been a low number.
  const isUnclear =
    (trigger.statedMin !== undefined && known.isUnclear === true) ||
    (own !== undefined && readProbability(own) === undefined)
  const low = sources.flatMap(({ code, min = 0, value }) =>
    value !== undefined && value < min ? [code] : [],
  )
  return trigger.isMissingFired && (isScoreDue || isUnclear) ? [...low, 'missing'] : low
}

function askCompetence(trigger: CompetenceTrigger, { session }: Asked): string[] {
  return trigger.proven.has(session.task) ? [] : ['task']
}

function askFirstEncounter(trigger: FirstEncounterTrigger, { signals }: Asked): string[] {
  return signals.unseen.filter((kind) => trigger.of.has(kind))
}

function askDoubt(trigger: DoubtTrigger, { call, session }: Asked): string[] {
  const doubt = session.escalation?.doubt
  const args = call.kind === 'tool' ? call.args : {}
  const isMarked = trigger.fields.some((name) => Object.hasOwn(args, name) && args[name] === true)
  return [...(doubt === undefined ? [] : [doubt.source]), ...(isMarked ? ['argument'] : [])]
}

function askAnomaly(trigger: AnomalyTrigger, { signals }: Asked): string[] {
  return signals.anomalies.filter((measure) => trigger.measures.has(measure))
}

function askTaint({ after }: TaintTrigger, { session }: Asked): string[] {
  const taint = session.taint ?? noTaint
  const read = [
    ...(taint.untrusted.length > 0 ? ['untrusted'] : []),
    ...(taint.private.length > 0 ? ['private'] : []),
  ]
  if (after === 'both') return read.length === 2 ? read : []
  return after === 'either' ? read : read.filter((each) => each === after)
}
