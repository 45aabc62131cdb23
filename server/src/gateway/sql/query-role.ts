// What the role of the free query may do, by the database's own catalogue: it may read what is
// declared, and nothing else. Each finding comes with the statement that mends it.
import type { PoolClient } from 'pg'
import type { SqlQuery } from '../../core/pact/sql-server-schema.ts'
import { roleChecks } from './query-role-checks.ts'

export type RoleFinding = {
  /** "may INSERT into shop.orders" */
  readonly problem: string
  /** One statement of SQL. */
  readonly mend: string
}

const findingsShown = 20

/** Everything that the role may do beyond what is declared, or may not do of it. */
export async function checkQueryRole(client: PoolClient, query: SqlQuery): Promise<RoleFinding[]> {
  const findings: RoleFinding[] = []
  for (const { sql, takes } of roleChecks) {
    const values = takes === undefined ? [] : [query[takes]]
    const { rows } = await client.query<RoleFinding>(sql, values)
    findings.push(...rows)
  }
  return findings
}

/** One line a finding, with its statement, for the operator. */
export function describeFindings(server: string, findings: readonly RoleFinding[]): string {
  const lines = findings
    .slice(0, findingsShown)
    .map(({ problem, mend }) => `it ${problem}: ${mend};`)
  const rest = findings.length - lines.length
  if (rest > 0) lines.push(`and ${rest} more`)
  return [`the role of ${server}'s query is not safe to give to an agent:`, ...lines].join('\n')
}
