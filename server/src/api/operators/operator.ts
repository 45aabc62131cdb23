// Operators and launchers as the wire shows them.
import type { Operator } from '@airworthy/sdk'
import { z } from 'zod'
import { roles } from '../../core/identity/roles.ts'
import type { OperatorRow } from '../../store/identity/operators.ts'
import { id, text, time } from '../schemas.ts'

export const roleSchema = z.enum(roles)

/** Names of teams; an agent's owner is one. */
export const teamsSchema = z.array(text({ min: 1, max: 100 })).max(50)

export const operatorSchema = z
  .object({
    id,
    name: z.string(),
    role: roleSchema,
    teams: z.array(z.string()),
    addedBy: id
      .nullable()
      .meta({ description: 'Null for the first one, and of earlier releases.' }),
    person: id.meta({
      description: 'Whoever has added it, by a chain without an admin: they count as one person.',
    }),
    createdAt: time,
    revokedAt: time.nullable(),
  })
  .meta({ id: 'Operator' }) satisfies z.ZodType<Operator>

export function presentOperator(row: OperatorRow): Operator {
  return {
    id: row.operatorId,
    name: row.name,
    role: row.role,
    teams: row.teams,
    addedBy: row.addedBy ?? null,
    person: row.personId,
    createdAt: row.createdAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
  }
}
