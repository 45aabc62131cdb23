// GET /v1/runs/{id}/preview
import { requireRun } from '../../store/runs/run-commands.ts'
import { defineOperation } from '../operation.ts'
import { idParams } from '../schemas.ts'
import { previewSchema, previewUndo } from './preview.ts'

export const previewRun = defineOperation({
  id: 'preview-run',
  method: 'GET',
  path: '/v1/runs/{id}/preview',
  summary: 'What undoing a run would undo, in which order, and what it could not',
  roles: ['operator'],
  params: idParams,
  reply: previewSchema,
  errors: ['run.unknown'],
  run: async (context, { params }) => {
    const { db, organisationId } = context
    return previewUndo(context, await requireRun(db, organisationId, params.id))
  },
})
