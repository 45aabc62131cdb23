// Public keys of agents as the wire shows them.
import type { AgentPublicKey } from '@airworthy/sdk'
import { z } from 'zod'
import { jwkOf } from '../../core/identity/public-key.ts'
import type { AgentKey } from '../../store/identity/agent-keys.ts'
import { time } from '../schemas.ts'

export const thumbprint = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/)
  .meta({ description: 'RFC 7638 thumbprint, SHA-256, base64url.' })

export const publicKeySchema = z
  .object({
    thumbprint,
    algorithm: z.enum(['ed25519', 'es256']),
    jwk: z.record(z.string(), z.string()),
    createdAt: time,
    expiresAt: time.nullable(),
    revokedAt: time.nullable(),
  })
  .meta({ id: 'AgentPublicKey' }) satisfies z.ZodType<AgentPublicKey>

export function presentPublicKey(key: AgentKey): AgentPublicKey {
  return {
    thumbprint: key.thumbprint,
    algorithm: key.key.algorithm,
    jwk: { ...jwkOf(key.key) },
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
  }
}
