// POST /v1/operators/{id}/keys
import type { AddOperatorKey } from '@airworthy/sdk'
import { z } from 'zod'
import { formatKeyStatement } from '../../core/approval/key-statement.ts'
import { AirworthyError } from '../../core/errors.ts'
import { ed25519PublicKey, verifyEd25519 } from '../../core/identity/ed25519.ts'
import { parseJwk, type PublicKey, thumbprintOf } from '../../core/identity/public-key.ts'
import {
  findOperatorKey,
  insertOperatorKey,
  listOperatorKeys,
  operatorKeysMax,
  type OperatorKeyRow,
} from '../../store/identity/operator-keys.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { operatorKeySchema, presentOperatorKey } from './operator-key.ts'
import { operatorId, requireOperator } from './operator-params.ts'

const signatureText = z
  .string()
  .regex(/^[A-Za-z0-9_-]{86}$/, { error: 'expected 64 bytes in base64url' })

const body: z.ZodType<AddOperatorKey> = z
  .strictObject({
    publicKey: z.string().max(64),
    proof: signatureText.exactOptional(),
    endorsement: signatureText.exactOptional(),
  })
  .meta({ id: 'AddOperatorKey' })

export const addOperatorKey = defineOperation({
  id: 'add-operator-key',
  method: 'POST',
  path: '/v1/operators/{id}/keys',
  summary: 'Enrol a key that an operator signs votes with; votes must be signed from then on',
  roles: ['operator', 'approver'],
  params: z.strictObject({ id: operatorId }),
  body,
  reply: operatorKeySchema,
  errors: [
    'request.not_found',
    'identity.key_invalid',
    'identity.key_unsafe',
    'identity.key_taken',
    'operator.key_unendorsed',
  ],
  run: async (context, { params, body: request }) => {
    const { db, organisationId, operator: by } = context
    const key = parseJwk({ kty: 'OKP', crv: 'Ed25519', x: request.publicKey })
    const thumbprint = thumbprintOf(key)
    return runCommand(db, organisationId, async (tx) => {
      const operator = await requireOperator({ ...context, db: tx }, params.id)
      const isOwn = operator.operatorId === by.operatorId
      if (!isOwn && by.role !== 'admin') {
        throw new AirworthyError('auth.forbidden', "only an admin enrols another's key")
      }
      if (operator.revokedAt !== null) {
        throw new AirworthyError('request.invalid', 'the operator is revoked')
      }
      const known = await listOperatorKeys(tx, organisationId, operator.operatorId)
      if (known.length >= operatorKeysMax) {
        throw new AirworthyError('request.invalid', `${operatorKeysMax} keys are enrolled already`)
      }
      if ((await findOperatorKey(tx, organisationId, thumbprint)) !== undefined) {
        throw new AirworthyError('identity.key_taken', 'the key was enrolled before')
      }
      const enrolled = { organisation: organisationId, operator: operator.operatorId }
      const statement = Buffer.from(formatKeyStatement({ ...enrolled, key: thumbprint }))
      const endorsedBy = isOwn
        ? vouch({ key, known, request, statement })
        : checkProof({ key, request, statement, isNeeded: false })
      await insertOperatorKey(tx, organisationId, {
        thumbprint,
        operatorId: operator.operatorId,
        publicKey: key.bytes,
        addedBy: by.operatorId,
        endorsedBy,
      })
      const row = await findOperatorKey(tx, organisationId, thumbprint)
      if (row === undefined) throw new Error('a key that was just added cannot be read')
      return presentOperatorKey(row)
    })
  },
})

type Signed = {
  readonly key: PublicKey
  readonly request: AddOperatorKey
  readonly statement: Buffer
}

/**
 * The key that vouches for an operator's own new one; undefined for the first key. Whoever has only
 * the API key cannot add a key to those that there are, nor replace those that were revoked.
 */
function vouch(own: Signed & { readonly known: readonly OperatorKeyRow[] }): string | undefined {
  const { known, request, statement } = own
  checkProof({ ...own, isNeeded: true })
  if (known.length === 0) return undefined
  const endorsement = Buffer.from(request.endorsement ?? '', 'base64url')
  const voucher = known.find(
    (each) =>
      each.revokedAt === null &&
      verifyEd25519(ed25519PublicKey(each.publicKey), statement, endorsement),
  )
  if (voucher !== undefined) return voucher.thumbprint
  const message =
    'one of your keys that are in force must sign for the new one, or an admin adds it'
  throw new AirworthyError('operator.key_unendorsed', message)
}

/** That whoever enrols the key has it. */
function checkProof(given: Signed & { readonly isNeeded: boolean }): undefined {
  const { key, request, statement, isNeeded } = given
  if (request.proof === undefined && !isNeeded) return
  const proof = Buffer.from(request.proof ?? '', 'base64url')
  if (verifyEd25519(ed25519PublicKey(key.bytes), statement, proof)) return
  throw new AirworthyError('identity.key_invalid', 'proof is not a signature of the new key')
}
