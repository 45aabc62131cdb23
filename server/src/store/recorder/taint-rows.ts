// The rows that taint adds to a batch: where arguments came from, and the values of results that later
// arguments are looked for in.
import type { RememberedValues } from './types.ts'

export type TaintRows = {
  readonly origins: { readonly call_id: string; readonly origins: unknown }[]
  readonly remembered: RememberedValues[]
}

export function createTaintRows(): TaintRows {
  return { origins: [], remembered: [] }
}

type Statement = { readonly name: string; readonly text: string }

/** The organisation comes first among the values of each statement. */
export function taintStatements(
  rows: TaintRows,
): { readonly statement: Statement; readonly values: unknown[] }[] {
  return [
    ...rows.origins.map(({ call_id: callId, origins }) => ({
      statement: upsertOrigins,
      values: [callId, JSON.stringify(origins)],
    })),
    ...rows.remembered.map((row) => ({
      statement: insertRemembered,
      values: [row.sessionId, row.source, [...row.origins], row.digests, row.isEverything],
    })),
  ]
}

const upsertOrigins: Statement = {
  name: 'airworthy-call-origins',
  text: `INSERT INTO airworthy.call_origins (organisation_id, call_id, origins)
  VALUES ($1, $2, $3::json)
  ON CONFLICT (organisation_id, call_id) DO UPDATE SET origins = excluded.origins`,
}

const insertRemembered: Statement = {
  name: 'airworthy-value-origins',
  text: `INSERT INTO airworthy.value_origins (organisation_id, session_id, source, origins, digests,
    is_everything)
  VALUES ($1, $2, $3, $4::text[], $5, $6)
  ON CONFLICT (organisation_id, session_id, source) DO NOTHING`,
}
