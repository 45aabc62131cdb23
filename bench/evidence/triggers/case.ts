// What a case is.
import type { Json } from '../../../e2e/harness/json.ts'
import type { Step } from './steps.ts'

export type Case = {
  readonly name: string
  readonly escalation: Json
  /** The agent has so many hours of work behind it, each with so many calls. */
  readonly history?: { readonly hours: number; readonly calls: number }
  readonly steps: readonly Step[]
  /** By trigger and code: how often it fired. */
  readonly fires: Readonly<Record<string, number>>
}

/** One that starts without history. */
export const one = (
  name: string,
  escalation: Json,
  steps: Step[],
  fires: Case['fires'] = {},
): Case => ({
  name,
  escalation,
  steps,
  fires,
})
