// POST /v1/audit/legal-holds/{id}/release
import { AirworthyError } from '../../core/errors.ts'
import { findLegalHold, releaseLegalHold as writeReleased } from '../../store/audit/legal-holds.ts'
import { runCommand } from '../../store/transaction.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { legalHoldSchema, presentLegalHold } from './legal-hold.ts'

export const releaseLegalHold = defineOperation({
  id: 'release-legal-hold',
  method: 'POST',
  path: '/v1/audit/legal-holds/{id}/release',
  summary: 'Release a legal hold; releasing it again changes nothing',
  roles: ['admin'],
  params: idParams,
  reply: legalHoldSchema,
  errors: ['legal_hold.unknown'],
  run: ({ db, organisationId, operator }, { params }) =>
    runCommand(db, organisationId, async (tx) => {
      const read = () => findLegalHold(tx, organisationId, params.id)
      const before = await read()
      if (before === undefined) {
        throw new AirworthyError('legal_hold.unknown', `there is no legal hold ${params.id}`)
      }
      if (before.releasedAt === null) {
        const { operatorId } = operator
        await writeReleased(tx, organisationId, { legalHoldId: params.id, operatorId })
      }
      return presentLegalHold((await read()) ?? before)
    }),
})
