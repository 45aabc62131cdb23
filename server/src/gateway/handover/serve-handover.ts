// GET /handover, below the address of a session: its agent asks how the handover stands, waits for a
// change, and reads what the person wrote. It costs the gateway a row, and no connection of a pool
// while it waits.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AirworthyError } from '../../core/errors.ts'
import { handoverPath, isLive } from '../../core/handover/handover.ts'
import { listMessages } from '../../store/handover-messages.ts'
import { findHandoverOfSession, type Handover } from '../../store/handovers.ts'
import type { Gateway } from '../gateway.ts'
import { errorOf, noRetry, sendJson } from '../http/replies.ts'

export const agentHandoverPath = /^\/handover\/?$/

const waitSecondsMax = 60
/** Agents that wait at a time; one more is told to come back. */
const waitingMax = 10_000

export async function handleHandover(
  gateway: Gateway,
  exchange: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly sessionKey: string | undefined
  },
): Promise<void> {
  const { request, response, sessionKey } = exchange
  try {
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET')
      throw new AirworthyError('request.method_not_allowed', 'use GET')
    }
    const { sessionId } = await gateway.identifier.identifyForList(request.headers, sessionKey)
    const asked = parseQuery(new URL(request.url ?? '/', 'http://gateway').searchParams)
    const handover = await awaitChange(gateway, { sessionId, response, ...asked })
    if (response.destroyed) return
    const body = await present(gateway, handover)
    sendJson(response, { status: 200, body, headers: { 'cache-control': 'no-store' } })
  } catch (thrown) {
    const { status, error } = errorOf(thrown)
    if (status >= 500) gateway.log('a handover could not be served', { code: error.code })
    sendJson(response, { status, body: { error }, headers: noRetry })
  }
}

type Asked = { readonly waitMs: number; readonly version: number | undefined }

function parseQuery(query: URLSearchParams): Asked {
  const wait = wholeNumber(query, 'wait', waitSecondsMax) ?? 0
  return { waitMs: wait * 1000, version: wholeNumber(query, 'version', 2 ** 31 - 1) }
}

function wholeNumber(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (/^\d{1,10}$/.test(text) && Number(text) <= max) return Number(text)
  throw new AirworthyError('request.invalid', `${name}: a whole number of at most ${max}`)
}

/** The newest handover once it is past the version that the agent has seen, or the time is over. */
async function awaitChange(
  gateway: Gateway,
  asked: Asked & { readonly sessionId: string; readonly response: ServerResponse },
): Promise<Handover> {
  const { sessionId, response, waitMs } = asked
  const deadline = performance.now() + waitMs
  let seen = asked.version
  for (;;) {
    // Before the row is read: a change that comes in between must wake.
    const wait = startWait(gateway, sessionId, response)
    try {
      const { db, organisationId } = gateway
      const handover = await findHandoverOfSession(db, organisationId, sessionId)
      if (handover === undefined) {
        throw new AirworthyError('handover.unknown', 'this session was never handed over')
      }
      // Who does not say what it has seen waits for the next change.
      seen ??= handover.version
      const leftMs = deadline - performance.now()
      const isNews = handover.version > seen || !isLive(handover.state)
      if (isNews || leftMs <= 0 || response.destroyed) return handover
      if (gateway.handovers.isStopped) return handover
      if (gateway.handovers.waiting > waitingMax) {
        throw new AirworthyError('gateway.overloaded', 'too many agents wait for a person')
      }
      await wait.until(leftMs)
    } finally {
      wait.end()
    }
  }
}

function startWait(gateway: Gateway, sessionId: string, response: ServerResponse) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = (): void => resolve()
  const forget = gateway.handovers.onceChanged(sessionId, wake)
  let timer: NodeJS.Timeout | undefined
  response.once('close', wake)
  return {
    until: (timeoutMs: number): Promise<void> => {
      timer = setTimeout(wake, timeoutMs)
      return promise
    },
    end: (): void => {
      clearTimeout(timer)
      response.off('close', wake)
      forget()
    },
  }
}

/** What is for the agent's own eyes it reads once the session is its own again. */
async function present(gateway: Gateway, handover: Handover): Promise<object> {
  const { db, organisationId, vault } = gateway
  const { handoverId, state, version, cause, openedAt, endedAt } = handover
  const written = await listMessages(db, organisationId, handoverId)
  const shown = written.filter(({ audience }) => audience === 'user' || state === 'returned')
  const messages: object[] = []
  for (const { number, audience, messageId, writtenAt } of shown) {
    const text = await vault.open(messageId, 1)
    messages.push({
      number,
      to: audience,
      at: writtenAt.toISOString(),
      // Null once the words were forgotten.
      text: text?.toString('utf8') ?? null,
    })
  }
  return {
    handover: handoverId,
    state,
    version,
    cause,
    since: openedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    poll: handoverPath,
    messages,
  }
}
