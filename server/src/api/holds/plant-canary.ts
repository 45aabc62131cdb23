// POST /v1/holds/canary
import type { PlantCanary, PlantedCanary } from '@airworthy/sdk'
import { z } from 'zod'
import { defineOperation } from '../operation.ts'
import { agentIdOrName, id, text } from '../schemas.ts'

const body: z.ZodType<PlantCanary> = z
  .strictObject({
    agent: agentIdOrName,
    action: text({ min: 3, max: 193 }).meta({ description: 'server/tool' }),
    arguments: z.record(z.string(), z.json()),
    rule: text({ min: 1, max: 64 }).exactOptional(),
    amount: text({ min: 1, max: 40 }).exactOptional(),
    task: text({ max: 500 }).exactOptional(),
    endUser: text({ max: 200 }).exactOptional(),
  })
  .meta({ id: 'PlantCanary' })

const reply: z.ZodType<PlantedCanary> = z.object({ hold: id }).meta({ id: 'PlantedCanary' })

export const plantCanary = defineOperation({
  id: 'plant-canary',
  method: 'POST',
  path: '/v1/holds/canary',
  summary: 'Make a hold that people should refuse; nothing can run behind it. Admins only',
  roles: [],
  body,
  reply,
  errors: ['agent.unknown', 'tool.unknown'],
  run: async ({ canaries, operator }, { body: asked }) => {
    const { operatorId } = operator
    const { arguments: args, agent, action, rule, amount, task, endUser } = asked
    const hold = await canaries.plant({
      agent,
      action,
      args,
      rule,
      amount,
      task,
      endUser,
      operatorId,
    })
    return { hold }
  },
})
