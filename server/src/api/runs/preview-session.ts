// GET /v1/sessions/{id}/preview
import { wholeSessionName } from '../../core/run/run.ts'
import { findRunByName } from '../../store/runs/runs.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { requireSession } from '../sessions/session.ts'
import { previewSchema, previewUndo } from './preview.ts'

export const previewSession = defineOperation({
  id: 'preview-session',
  method: 'GET',
  path: '/v1/sessions/{id}/preview',
  summary: 'What undoing a session would undo, in which order, and what it could not',
  roles: ['operator'],
  params: idParams,
  reply: previewSchema,
  errors: ['request.not_found'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    const { sessionId } = await requireSession(db, organisationId, params.id)
    const name = wholeSessionName
    const run = await findRunByName(db, organisationId, { sessionId, name })
    return previewUndo(context, { sessionId, name, runId: run?.runId ?? null })
  },
})
