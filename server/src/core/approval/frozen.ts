// What a hold's row keeps of its policy and its facts, read back. The rows are the program's own; what
// cannot be read is a broken world, and nothing is decided by it.
import { z } from 'zod'
import type { HoldFacts } from './facts.ts'
import { type ApprovalPolicy, defaultPolicy, voterRoles } from './policy.ts'

const level = z.object({
  approvers: z.object({
    roles: z.array(z.enum(voterRoles)).optional(),
    teams: z.array(z.string()).optional(),
    operators: z.array(z.string()).optional(),
    onCall: z.string().optional(),
  }),
  quorum: z.int().min(1),
  withinSeconds: z.number().positive(),
})

const policySchema: z.ZodType<ApprovalPolicy> = z.object({
  id: z.string(),
  levels: z.array(level).min(1),
  excludeOwnTeam: z.boolean(),
  excludeAuthor: z.boolean(),
  unsigned: z.enum(['allowed', 'refused']),
})

const factsSchema: z.ZodType<HoldFacts> = z.object({
  action: z.string(),
  effectClass: z.enum(['read', 'reversible', 'compensable', 'irreversible']).nullable(),
  amount: z.object({ minor: z.string(), currency: z.string() }).nullable(),
  counterparty: z.string().nullable(),
  taint: z.enum(['none', 'untrusted', 'private', 'untrusted and private']),
  why: z.array(z.object({ rule: z.string(), reason: z.string() })),
})

/** The policy of a hold; where it has none, one approval of anybody within the hold's time. */
export function readPolicy(frozen: unknown, holdSeconds: number): ApprovalPolicy {
  return frozen === null || frozen === undefined
    ? defaultPolicy(Math.max(holdSeconds, 1))
    : policySchema.parse(frozen)
}

/** The facts that people were shown; undefined in rows of earlier releases. */
export function readFacts(frozen: unknown): HoldFacts | undefined {
  return frozen === null || frozen === undefined ? undefined : factsSchema.parse(frozen)
}
