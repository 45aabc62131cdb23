// Operators' own keys as the wire shows them.
import type { OperatorKey } from '@airworthy/sdk'
import { z } from 'zod'
import type { OperatorKeyRow } from '../../store/identity/operator-keys.ts'
import { id, time } from '../schemas.ts'

export const thumbprintSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, { error: 'expected a thumbprint' })

export const operatorKeySchema: z.ZodType<OperatorKey> = z
  .object({
    thumbprint: z.string().meta({ description: 'RFC 7638, SHA-256, base64url.' }),
    publicKey: z.string().meta({ description: '32 bytes, base64url.' }),
    addedBy: id,
    addedAt: time,
    revokedAt: time.nullable(),
  })
  .meta({ id: 'OperatorKey' })

export function presentOperatorKey(row: OperatorKeyRow): OperatorKey {
  return {
    thumbprint: row.thumbprint,
    publicKey: row.publicKey.toString('base64url'),
    addedBy: row.addedBy,
    addedAt: row.addedAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
  }
}
