// What a tool's result is held against after the call.
import type { Program } from '../decision/program.ts'

/** Whether one thing held. */
export type Check = {
  /** `output-schema`, or the id of a post-condition. */
  readonly id: string
  readonly holds: boolean
  /** Why it does not hold, in words of the contract, never of the result; empty when it does. */
  readonly reason: string
}

export const outputSchemaCheck = 'output-schema'

export type PostCondition = {
  readonly id: string
  readonly reason: string
  readonly program: Program
}

/** The post-conditions of one contract, and how arguments are read for them. */
export type PostConditions = {
  readonly conditions: readonly PostCondition[]
  readonly readArgs: (args: Readonly<Record<string, unknown>>) => object
}

/** For an entry of the log: how many hold, and the ids of those that do not. */
export function tellChecks(checks: readonly Check[]): string {
  const failed = checks.filter((check) => !check.holds).map((check) => check.id)
  const held = `${checks.length - failed.length} hold`
  return failed.length === 0 ? held : `${held}, failed: ${failed.join(' ')}`
}
