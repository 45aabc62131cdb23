// Flies the example sessions: opens each on the control API, lets the agent work through the
// gateway, does on the command line what an operator does, and reads from the record what happened.
import type { Call, Client, Effect, OpenedSession, Session } from '@airworthy/sdk'
import { z } from 'zod'
import { openAgent } from './agent.ts'
import type { Agent, AgentEvent } from './agent.ts'
import { TOOL_SERVER } from './enrol.ts'
import type { EnrolledDesk } from './enrol.ts'
import type { Progress } from './progress.ts'
import type { SessionPlan, Step } from './sessions.ts'
import { systemPrompt } from './system-prompt.ts'

export type FlightOptions = {
  readonly client: Client
  readonly desk: EnrolledDesk
  /** As the manifest names it. */
  readonly model: string
  readonly progress: Progress
  readonly signal: AbortSignal
  readonly runCli: (args: readonly string[]) => Promise<unknown>
  /** Shown before a command: what the operator types here. */
  readonly cliName: string
}

export type ModelAnswer = Extract<AgentEvent, { kind: 'model' }>

/** One session as the server's record has it. */
export type FlownSession = {
  readonly plan: SessionPlan
  readonly session: Session
  readonly calls: readonly Call[]
  readonly effects: readonly Effect[]
  readonly modelAnswers: readonly ModelAnswer[]
  /** The refusal that ended it, if one did. */
  readonly stoppedBy: string | null
}

export async function flySession(options: FlightOptions, plan: SessionPlan): Promise<FlownSession> {
  const { client, desk, progress } = options
  const opened = await client.openSession({
    agent: desk.agent.id,
    task: plan.title,
    endUser: plan.endUser,
    ...(plan.callsMax === undefined ? {} : { limits: { calls: plan.callsMax } }),
  })
  const modelAnswers: ModelAnswer[] = []
  let stoppedBy: string | null = null
  const onEvent = (event: AgentEvent) => {
    if (event.kind === 'model') modelAnswers.push(event)
    if (event.kind === 'stopped') stoppedBy = event.code
    progress.agent(event)
  }
  try {
    await using agent = await openDeskAgent(options, { plan, opened, onEvent })
    for (const step of plan.steps) {
      const goesOn = await takeStep(options, { step, agent, sessionId: opened.session.id })
      if (!goesOn) break
    }
  } finally {
    // Its key must not stay good, whatever became of the flight.
    await client.closeSession(opened.session.id)
  }
  const { session, calls, effects } = await client.getSession(opened.session.id)
  return { plan, session, calls, effects, modelAnswers, stoppedBy }
}

async function openDeskAgent(
  { desk, model, signal }: FlightOptions,
  options: {
    readonly plan: SessionPlan
    readonly opened: OpenedSession
    readonly onEvent: (event: AgentEvent) => void
  },
): Promise<Agent> {
  const { plan, opened, onEvent } = options
  const mcpUrl = opened.mcpUrls[TOOL_SERVER]
  if (mcpUrl === undefined) throw new Error(`the agent has no tool server ${TOOL_SERVER}`)
  return openAgent({
    modelBaseUrl: opened.openaiBaseUrl,
    mcpUrl,
    apiKey: desk.apiKey,
    signingKey: desk.signingKey,
    model,
    systemPrompt: systemPrompt(new Date().toISOString().slice(0, 10)),
    isStreaming: plan.isStreaming,
    signal,
    onEvent,
  })
}

/** False: the agent was stopped, and nothing more can come of this session. */
async function takeStep(
  options: FlightOptions,
  at: { readonly step: Step; readonly agent: Agent; readonly sessionId: string },
): Promise<boolean> {
  const { step, agent, sessionId } = at
  options.signal.throwIfAborted()
  if (step.by === 'customer') {
    options.progress.customer(step.says)
    return agent.hear(step.says)
  }
  if (step.does === 'approve') await approveHolds(options, sessionId)
  else await undoNewestWrite(options, sessionId)
  return true
}

const approvedSchema = z.looseObject({
  hold: z.looseObject({ state: z.string() }),
  call: z.looseObject({ state: z.string() }),
})
const undoneSchema = z.looseObject({
  effect: z.looseObject({ state: z.string() }).nullable(),
})

async function approveHolds(options: FlightOptions, sessionId: string): Promise<void> {
  const { holds } = await options.client.listHolds({ state: 'pending' })
  const ours = holds.filter((hold) => hold.sessionId === sessionId)
  if (ours.length === 0) options.progress.operator('nothing waits for approval')
  for (const { id } of ours) {
    const args = ['hold', 'approve', id]
    options.progress.operator(`$ ${options.cliName} ${args.join(' ')}`)
    const { hold, call } = approvedSchema.parse(await options.runCli(args))
    options.progress.operator(`the hold is ${hold.state}, the call is ${call.state}`)
  }
}

async function undoNewestWrite(options: FlightOptions, sessionId: string): Promise<void> {
  const { effects } = await options.client.getSession(sessionId)
  const write = effects.findLast(
    ({ state, effectClass }) => state === 'done' && effectClass !== 'read',
  )
  if (write === undefined) {
    options.progress.operator('nothing was changed, so nothing is undone')
    return
  }
  const args = ['call', 'undo', write.callId]
  options.progress.operator(`$ ${options.cliName} ${args.join(' ')}`)
  const { effect } = undoneSchema.parse(await options.runCli(args))
  options.progress.operator(`${write.action} is ${effect?.state ?? 'as it was'}`)
}
