import type { Row } from './documents.ts'

// What a tool decided. A write names the rows as they shall be; who calls it stores and journals.
export type Refusal = { kind: 'refused'; message: string }
export type Answer = { kind: 'answered'; result: unknown }
export type Change = { kind: 'changed'; result: unknown; rows: Row[] }
export type Outcome = Refusal | Answer | Change

export function refuse(message: string): Refusal {
  return { kind: 'refused', message }
}

export function answer(result: unknown): Answer {
  return { kind: 'answered', result }
}
