// What the recorder knows of an agent over its sessions: since when it is watched, and its rates.
import { z } from 'zod'
import type { EncounterKind } from '../../core/escalation/escalation.ts'
import { noRates, type Rates } from '../../core/escalation/rates.ts'

export type AgentWatch = {
  /** Of its first watched call, milliseconds since the Unix epoch. */
  sinceMs: number | undefined
  watchedCalls: number
  rates: Rates
  /** The hour of which people were told that it is odd. */
  toldHour: number
}

export function encounterKey(agentId: string, of: { kind: EncounterKind; digest: string }): string {
  return `${agentId} ${of.kind} ${of.digest}`
}

const stored = z.object({
  since: z.number().optional(),
  calls: z.number().default(0),
  told: z.number().default(0),
  hour: z.number().default(0),
  hourCalls: z.number().default(0),
  hourNanoUsd: z.string().default('0'),
  hours: z.number().default(0),
  means: z.tuple([z.number(), z.number()]).default([0, 0]),
  variances: z.tuple([z.number(), z.number()]).default([0, 0]),
})

export function parseWatch(row: unknown): AgentWatch {
  if (row === undefined) {
    return { sinceMs: undefined, watchedCalls: 0, rates: noRates, toldHour: 0 }
  }
  const { since, calls, told, hour, hourCalls, hourNanoUsd, hours, means, variances } =
    stored.parse(row)
  const rates: Rates = {
    hour,
    calls: hourCalls,
    nanoUsd: BigInt(hourNanoUsd),
    hours,
    meanCalls: means[0],
    varianceCalls: variances[0],
    meanSpend: means[1],
    varianceSpend: variances[1],
  }
  return { sinceMs: since, watchedCalls: calls, rates, toldHour: told }
}

/** As it lies in the row. */
export function formatWatch({ sinceMs, watchedCalls, rates, toldHour }: AgentWatch): unknown {
  return {
    since: sinceMs,
    calls: watchedCalls,
    told: toldHour,
    hour: rates.hour,
    hourCalls: rates.calls,
    hourNanoUsd: rates.nanoUsd.toString(),
    hours: rates.hours,
    means: [rates.meanCalls, rates.meanSpend],
    variances: [rates.varianceCalls, rates.varianceSpend],
  }
}
