// How the handover of a session stands, for its agent: it asks, waits for a change, and reads what
// the person wrote. While it waits it costs a timer, and no connection of a pool.
import { AirworthyError } from '../../core/errors.ts'
import {
  type Audience,
  handoverPath,
  type HandoverState,
  isLive,
} from '../../core/handover/handover.ts'
import { listMessages } from '../../store/handover/handover-messages.ts'
import { findHandoverOfSession, type Handover } from '../../store/handover/handovers.ts'
import type { Gateway } from '../gateway.ts'

/** Who waits at a time, of all and of one session; one more is told to come back. */
const waitingMax = 10_000
const sessionWaitingMax = 100

export type ToldHandover = {
  readonly handover: string
  readonly state: HandoverState
  /** Grows with every change; who names it waits for the next one. */
  readonly version: number
  readonly cause: string
  readonly since: string
  readonly endedAt: string | null
  readonly poll: string
  /** What is for the agent's own eyes it reads once the session is its own again. */
  readonly messages: readonly {
    readonly number: number
    readonly to: Audience
    readonly at: string
    /** Null once the words were forgotten. */
    readonly text: string | null
  }[]
}

/**
 * The newest handover of the session, once it is past `version`, or over, or the time is. Throws
 * `handover.unknown`, and `gateway.overloaded` where too many wait.
 */
export async function tellHandover(
  gateway: Gateway,
  asked: {
    readonly sessionId: string
    readonly waitMs: number
    /** Undefined: as it stands now. */
    readonly version: number | undefined
    readonly signal: AbortSignal
  },
): Promise<ToldHandover> {
  return present(gateway, await awaitChange(gateway, asked))
}

async function awaitChange(
  gateway: Gateway,
  asked: Parameters<typeof tellHandover>[1],
): Promise<Handover> {
  const { handovers } = gateway
  const { sessionId, signal } = asked
  // Who only asks takes no place of those who wait.
  if (asked.waitMs === 0) return requireNewest(gateway, sessionId)
  const deadline = performance.now() + asked.waitMs
  let seen = asked.version
  for (;;) {
    // Before the row is read: a change that comes in between must wake.
    using wait = startWait(gateway, sessionId, signal)
    const handover = await requireNewest(gateway, sessionId)
    seen ??= handover.version
    const leftMs = deadline - performance.now()
    if (handover.version > seen || !isLive(handover.state)) return handover
    if (leftMs <= 0 || signal.aborted || handovers.isStopped) return handover
    if (handovers.waiting > waitingMax || handovers.waitingOf(sessionId) > sessionWaitingMax) {
      const message = 'too many wait for a person: ask without waiting, or later'
      throw new AirworthyError('gateway.overloaded', message, { detail: { retryAfterSeconds: 5 } })
    }
    await wait.until(leftMs)
  }
}

async function requireNewest(
  { db, organisationId }: Gateway,
  sessionId: string,
): Promise<Handover> {
  const handover = await findHandoverOfSession(db, organisationId, sessionId)
  if (handover !== undefined) return handover
  throw new AirworthyError('handover.unknown', 'this session was never handed over')
}

function startWait(
  { handovers }: Gateway,
  sessionId: string,
  signal: AbortSignal,
): Disposable & { readonly until: (timeoutMs: number) => Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = (): void => resolve()
  const forget = handovers.onChanged(sessionId, wake)
  signal.addEventListener('abort', wake)
  let timer: NodeJS.Timeout | undefined
  return {
    until: (timeoutMs) => {
      timer = setTimeout(wake, timeoutMs)
      return promise
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      forget()
    },
  }
}

async function present(gateway: Gateway, handover: Handover): Promise<ToldHandover> {
  const { db, organisationId, vault } = gateway
  const { handoverId, state, version, cause, openedAt, endedAt } = handover
  const written = await listMessages(db, organisationId, handoverId)
  const shown = written.filter(({ audience }) => audience === 'user' || state === 'returned')
  const messages: ToldHandover['messages'][number][] = []
  for (const { number, audience, messageId, writtenAt } of shown) {
    const words = await vault.open(messageId, 1)
    const text = words?.toString('utf8') ?? null
    messages.push({ number, to: audience, at: writtenAt.toISOString(), text })
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
