// GET /v1/handovers/{id}/transcript
import type { Transcript, TranscriptStep } from '@airworthy/sdk'
import { z } from 'zod'
import {
  argumentsOf,
  messagesOf,
  newMessages,
  replyOf,
  resultOf,
  type Said,
} from '../../core/handover/transcript.ts'
import { listTold, type Told } from '../../store/handover/handover-standing.ts'
import { requireHandover } from '../../store/handover/handovers.ts'
import { requestPart, type PayloadReader } from '../dependencies.ts'
import { defineOperation } from '../operation.ts'
import { id, idParams, nextOf, page, time } from '../schemas.ts'

const responsePart = 2
const stepsMax = 100

const said = z.object({
  role: z.string(),
  text: z.string(),
  isClipped: z.literal(true).exactOptional(),
})

const reply: z.ZodType<Transcript> = z
  .object({
    steps: z.array(
      z.object({
        id,
        at: time,
        kind: z.enum(['model', 'tool', 'undo', 'message']),
        action: z.string(),
        state: z.string(),
        code: z.string().nullable(),
        operatorId: id.nullable(),
        said: z.array(said),
      }),
    ),
    next: id.nullable(),
  })
  .meta({ id: 'Transcript' })

export const readTranscript = defineOperation({
  id: 'read-transcript',
  method: 'GET',
  path: '/v1/handovers/{id}/transcript',
  summary: 'Read what was said and done in the session; that it was opened is logged first',
  roles: ['operator', 'auditor'],
  params: idParams,
  query: z.strictObject({
    after: page.after,
    limit: z.coerce.number<string>().int().min(1).max(stepsMax).default(50),
  }),
  reply,
  errors: ['handover.unknown', 'access.reason_missing'],
  run: async ({ db, organisationId, openPage }, { params, query }) => {
    const { after, limit } = query
    const handover = await requireHandover(db, organisationId, params.id)
    const { sessionId } = handover
    const told = await listTold(db, organisationId, { sessionId, after, limit })
    const callIds = [...new Set(told.flatMap((one) => [one.id, one.repeatOf ?? []].flat()))]
    const payloads = await openPage({ sessionId, callIds })
    let before: readonly Said[] | 'after-reply' | undefined =
      after === undefined ? undefined : 'after-reply'
    const steps: TranscriptStep[] = []
    for (const one of told) {
      const opened = await open(payloads, one)
      const asked = one.kind === 'model' ? messagesOf(parsed(opened.request)) : undefined
      const fresh = asked && newMessages(asked, before)
      if (asked !== undefined) before = asked
      steps.push({ ...present(one), said: sayStep(one, opened, fresh ?? []) })
    }
    const ids = told.map((one) => one.id)
    return { steps, next: nextOf(ids, limit) }
  },
})

type Opened = { readonly request: string | undefined; readonly response: string | undefined }

async function open(payloads: PayloadReader, told: Told): Promise<Opened> {
  const request = await payloads.open(told.id, requestPart)
  const response =
    told.kind === 'message'
      ? undefined
      : await payloads.open(told.repeatOf ?? told.id, responsePart)
  return { request: request?.toString('utf8'), response: response?.toString('utf8') }
}

function sayStep(told: Told, { request, response }: Opened, asked: readonly Said[]): Said[] {
  if (told.kind === 'message') {
    return request === undefined ? [] : [{ role: 'operator', text: request }]
  }
  if (told.kind === 'model') return [...asked, ...(response === undefined ? [] : replyOf(response))]
  return [
    ...(request === undefined ? [] : argumentsOf(request)),
    ...(response === undefined ? [] : resultOf(response)),
  ]
}

function present(told: Told): Omit<TranscriptStep, 'said'> {
  const { id: stepId, at, kind, action, state, code, operatorId } = told
  return { id: stepId, at: at.toISOString(), kind, action, state, code, operatorId }
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return undefined
  }
}
