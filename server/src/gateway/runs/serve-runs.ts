// `/runs/<name>`: an agent looks at a run of its own session, completes it, or takes it back. What
// is done in the session of the key is all that it can name.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AirworthyError } from '../../core/errors.ts'
import { refuseIfHandedOver } from '../../store/handover/handovers.ts'
import { completeRun, takeBackRun } from '../../store/runs/run-commands.ts'
import { findRunByName, listSteps, type RunRow, type StepRow } from '../../store/runs/runs.ts'
import { runCommand } from '../../store/transaction.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, noRetry, sendJson } from '../http/replies.ts'
import { parseRunName } from './run-name.ts'

export const runsPath = /^\/runs\/([^/]{1,200})(?:\/(complete|abort))?\/?$/

export async function handleRun(
  gateway: Gateway,
  exchange: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly sessionKey: string | undefined
    readonly name: string
    readonly command: string | undefined
  },
): Promise<void> {
  const { request, response, command } = exchange
  try {
    const method = command === undefined ? 'GET' : 'POST'
    if (request.method !== method) {
      response.setHeader('allow', method)
      throw new AirworthyError('request.method_not_allowed', `use ${method}`)
    }
    // No body is read: the address says it all.
    request.resume()
    const principal = await gateway.identifier.identifyForList(request.headers, exchange.sessionKey)
    const { sessionId } = principal
    const named = { sessionId, name: parseRunName(exchange.name) }
    const run = await findOrChange(gateway, named, command)
    const { db, organisationId } = gateway
    const steps = await listSteps(db, organisationId, run, { isOpenOnly: false })
    sendJson(response, { status: 200, body: present(run, steps) })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    if (status >= 500) gateway.log('a run could not be served', { code: error.code })
    sendJson(response, { status, body: { error }, headers: noRetry })
  }
}

async function findOrChange(
  gateway: Gateway,
  named: { readonly sessionId: string; readonly name: string },
  command: string | undefined,
): Promise<RunRow> {
  const { db, organisationId } = gateway
  const missing = `the session has no run ${named.name}; a run begins with its first write`
  if (command === undefined) {
    const found = await findRunByName(db, organisationId, named)
    if (found === undefined) throw new AirworthyError('run.unknown', missing)
    return found
  }
  const changed = await runCommand(db, organisationId, async (tx) => {
    await refuseIfHandedOver(tx, organisationId, named.sessionId)
    const run = await findRunByName(tx, organisationId, named)
    if (run === undefined) throw new AirworthyError('run.unknown', missing)
    if (command === 'complete') return completeRun(tx, organisationId, { run })
    // What is completed only an operator may take back.
    if (run.state === 'completed') throw new AirworthyError('run.closed', 'the run is completed')
    return takeBackRun(tx, organisationId, { run, reason: 'run.aborted' })
  })
  gateway.wakeRuns()
  return changed
}

function present(run: RunRow, steps: readonly StepRow[]): object {
  return {
    id: run.runId,
    name: run.name,
    state: run.state,
    reason: run.reason,
    steps: steps
      .toReversed()
      .map(({ callId, action, state, code }) => ({ call: callId, action, state, code })),
  }
}
