// POST /v1/handovers/{id}/calls
import type { CalledInStead, CallInStead } from '@airworthy/sdk'
import { z } from 'zod'
import { runNameLengthMax } from '../../core/run/run.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams, text } from '../schemas.ts'

const body: z.ZodType<CallInStead> = z
  .strictObject({
    tool: z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}\/[A-Za-z0-9_.-]{1,128}$/, { error: 'expected server/tool' }),
    arguments: z.record(z.string(), z.json()).exactOptional(),
    run: text({ min: 1, max: runNameLengthMax }).exactOptional(),
  })
  .meta({ id: 'CallInStead' })

const reply: z.ZodType<CalledInStead> = z
  .object({
    callId: id,
    decision: z.string(),
    isError: z.boolean(),
    result: z.unknown().meta({ description: 'The tool result, as the agent would have heard it.' }),
  })
  .meta({ id: 'CalledInStead' })

export const callInStead = defineOperation({
  id: 'call-in-stead',
  method: 'POST',
  path: '/v1/handovers/{id}/calls',
  summary: "Call a tool in the agent's stead: under its pact, in its session, in your name",
  roles: ['operator'],
  params: idParams,
  body,
  reply,
  errors: [
    'handover.unknown',
    'handover.settled',
    'handover.not_taken',
    'log.unavailable',
    'gateway.overloaded',
  ],
  run: async ({ handovers, operator }, { params, body: { tool, arguments: args = {}, run } }) => {
    const { operatorId } = operator
    const called = await handovers.call({ handoverId: params.id, operatorId, tool, args, run })
    const { callId, decision, result } = called
    return { callId, decision, isError: result.isError === true, result }
  },
})
