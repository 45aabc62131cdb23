// POST /v1/agents/{agent}/public-keys
import type { AddPublicKey } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import {
  parseJwk,
  parseMultikey,
  parseSpki,
  type PublicKey,
} from '../../core/identity/public-key.ts'
import { addAgentKey } from '../../store/identity/agent-keys.ts'
import { findIdentity } from '../../store/identity/identities.ts'
import { runCommand } from '../../store/transaction.ts'
import { type Context, defineOperation } from '../operation.ts'
import { agentIdOrName, time } from '../schemas.ts'
import { requireAgent } from './agent.ts'
import { presentPublicKey, publicKeySchema } from './public-key.ts'

const body: z.ZodType<AddPublicKey> = z
  .strictObject({
    jwk: z.record(z.string(), z.unknown()).exactOptional(),
    pem: z.string().max(4_000).exactOptional(),
    multikey: z.string().max(200).exactOptional(),
    expiresAt: time.exactOptional(),
  })
  .meta({ id: 'AddPublicKey' })

export const addPublicKey = defineOperation({
  id: 'add-public-key',
  method: 'POST',
  path: '/v1/agents/{agent}/public-keys',
  summary: "Enrol an agent's public key; the private one stays with the agent",
  roles: ['operator'],
  params: z.strictObject({ agent: agentIdOrName }),
  body,
  reply: publicKeySchema,
  errors: [
    'agent.unknown',
    'identity.key_invalid',
    'identity.key_unsafe',
    'identity.key_taken',
    'identity.deactivated',
  ],
  run: async (context, { params, body: request }) => {
    const { db, organisationId } = context
    const { agentId } = await requireAgent(db, organisationId, params.agent)
    const key = readKey(request)
    const expiresAt = expiryOf(request.expiresAt)
    const added = await runCommand(db, organisationId, async (tx) => {
      // Under the lock: what is deactivated takes no key, also not one that comes at the same time.
      if ((await findIdentity(tx, organisationId, agentId))?.isDeactivated === true) {
        throw new AirworthyError('identity.deactivated', "the agent's DID is deactivated")
      }
      return addAgentKey(tx, organisationId, { agentId, key, expiresAt })
    })
    await followKeys(context, agentId)
    return presentPublicKey(added)
  },
})

function readKey({ jwk, pem, multikey }: AddPublicKey): PublicKey {
  const given = [jwk, pem, multikey].filter((each) => each !== undefined)
  if (given.length !== 1) {
    throw new AirworthyError('request.invalid', 'body: give one of jwk, pem and multikey')
  }
  if (jwk !== undefined) return parseJwk(jwk)
  return pem === undefined ? parseMultikey(multikey ?? '') : parseSpki(pem)
}

export function expiryOf(text: string | undefined): Date | null {
  if (text === undefined) return null
  const at = new Date(text)
  if (at.getTime() > Date.now()) return at
  throw new AirworthyError('request.invalid', 'body.expiresAt: the time is over')
}

/**
 * Makes the DID document follow the agent's keys. The keys are what counts at the gateway, and they
 * are in force; a signer that fails now is asked again by the job.
 */
export async function followKeys({ identities, log }: Context, agentId: string): Promise<void> {
  await identities.follow(agentId).catch((thrown: unknown) => {
    log('the DID of an agent could not follow its keys; it is tried again', {
      agentId,
      error: String(thrown),
    })
  })
}
