// Identities as the wire shows them, and whose identity a request means.
import type { Identity, WitnessRule } from '@airworthy/sdk'
import { z } from 'zod'
import { formatDid } from '../../core/identity/did-web.ts'
import type { Context } from '../operation.ts'
import { requireAgent } from '../agents/agent.ts'
import { agentIdOrName, time } from '../schemas.ts'
import { pathOf } from './identities.ts'
import { readPublishedLog } from './published-log.ts'
import { witnessDid } from './witnessing.ts'

export const object = z.record(z.string(), z.unknown())
export const multikey = z.string().regex(/^z[1-9A-HJ-NP-Za-km-z]{40,100}$/)
export const did = z.string().min(1).max(2_000)
/** As long as a DID's log may be. */
export const didLogText = z.string().max(900_000)
export const ofAgent = {
  agent: agentIdOrName.exactOptional().meta({ description: 'Without one: the organisation.' }),
}

export const witnessRule = z
  .strictObject({
    threshold: z.int().min(1).max(100),
    witnesses: z.array(z.string().regex(/^did:key:z[1-9A-HJ-NP-Za-km-z]{40,100}$/)).max(100),
  })
  .meta({ id: 'WitnessRule' }) satisfies z.ZodType<WitnessRule>

export const identitySchema = z
  .object({
    did,
    webDid: did,
    agent: z.string().nullable(),
    versionId: z.string(),
    versionTime: time,
    isDeactivated: z.boolean(),
    nextKeyHashes: z.array(z.string()),
    witness: witnessRule.nullable(),
    pendingLog: z.string().nullable(),
    document: object,
    witnessDid: did,
  })
  .meta({ id: 'Identity' }) satisfies z.ZodType<Identity>

/** The id of the agent that is named, or of the organisation. Throws `agent.unknown`. */
export async function subjectOf(context: Context, agent: string | undefined): Promise<string> {
  if (agent === undefined) return context.organisationId
  return (await requireAgent(context.db, context.organisationId, agent)).agentId
}

export async function presentIdentity(context: Context, subjectId: string): Promise<Identity> {
  const { db, organisationId, identities } = context
  await identities.ensure(subjectId)
  const log = await readPublishedLog(db, organisationId, subjectId)
  const { identity, latest, pending } = log
  const { witness } = latest.parameters
  return {
    did: identity.did,
    webDid: formatDid('web', { domain: identity.domain, path: pathOf(identity) }),
    agent: identity.kind === 'agent' ? subjectId : null,
    versionId: latest.versionId,
    versionTime: new Date(latest.versionTime).toISOString(),
    isDeactivated: identity.isDeactivated,
    nextKeyHashes: [...latest.parameters.nextKeyHashes],
    witness:
      witness === undefined ? null : { threshold: witness.threshold, witnesses: [...witness.ids] },
    pendingLog: pending.length === 0 ? null : `${[...log.lines, ...pending].join('\n')}\n`,
    document: { ...latest.document },
    witnessDid: await witnessDid(identities.dependencies.signer),
  }
}
