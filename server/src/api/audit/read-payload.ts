// GET /v1/audit/calls/{id}/payload
import type { OpenedPayload } from '@airworthy/sdk'
import { z } from 'zod'
import { requireCall } from '../calls/call.ts'
import { requestPart } from '../dependencies.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams } from '../schemas.ts'

const partSchema = z.enum(['request', 'response'])
const responsePart = 2

const reply: z.ZodType<OpenedPayload> = z
  .object({
    call: id,
    part: partSchema,
    text: z.string().nullable().meta({ description: 'Null: there is none, or it was erased.' }),
  })
  .meta({ id: 'OpenedPayload' })

export const readPayload = defineOperation({
  id: 'read-payload',
  method: 'GET',
  path: '/v1/audit/calls/{id}/payload',
  summary: 'Open the request or response of a call; that it was opened is logged first',
  roles: ['operator', 'auditor'],
  params: idParams,
  query: z.strictObject({ part: partSchema.default('request') }),
  reply,
  errors: ['call.unknown', 'access.reason_missing'],
  run: async ({ db, organisationId, payloads }, { params, query }) => {
    const call = await requireCall(db, organisationId, params.id)
    const part = query.part === 'request' ? requestPart : responsePart
    const opened = await payloads.open(call.callId, part)
    return { call: call.callId, part: query.part, text: opened?.toString() ?? null }
  },
})
