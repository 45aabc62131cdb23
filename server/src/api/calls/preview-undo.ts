// GET /v1/calls/{id}/undo
import type { CallUndoPreview } from '@airworthy/sdk'
import { z } from 'zod'
import { AirworthyError } from '../../core/errors.ts'
import { effectStateSchema } from '../effects/effect.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams, time } from '../schemas.ts'
import { requireCall } from './call.ts'

const reply: z.ZodType<CallUndoPreview> = z
  .object({
    call: id,
    effect: id,
    state: effectStateSchema,
    tool: z.string().meta({ description: 'The tool that undoes it, as `server/tool`.' }),
    arguments: z.record(z.string(), z.unknown()),
    until: time.nullable().meta({ description: 'When it can be undone no more.' }),
    blockedBy: z.array(id).meta({ description: 'Calls to be undone first, in this order.' }),
  })
  .meta({ id: 'CallUndoPreview' })

export const previewUndo = defineOperation({
  id: 'preview-undo',
  method: 'GET',
  path: '/v1/calls/{id}/undo',
  summary: "Show what undoing a call's effect would do, and what stands in the way",
  roles: ['operator'],
  params: idParams,
  reply,
  errors: ['call.unknown', 'effect.not_undoable'],
  run: async ({ db, organisationId, effects }, { params }) => {
    const call = await requireCall(db, organisationId, params.id)
    if (call.effect === null) {
      throw new AirworthyError('effect.not_undoable', 'the call had no effect on the world')
    }
    const preview = await effects.previewUndo(call.effect.effectId)
    return {
      call: call.callId,
      effect: preview.effectId,
      state: effectStateSchema.parse(preview.state),
      tool: preview.tool,
      arguments: { ...preview.args },
      until: preview.untilMs === undefined ? null : new Date(preview.untilMs).toISOString(),
      blockedBy: [...preview.blockedBy],
    }
  },
})
