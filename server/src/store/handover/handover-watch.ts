// Hears of sessions that are handed over, taken or given back as it commits, whichever process did
// it: one connection a process that only listens.
import { Client } from 'pg'
import type { OrganisationId } from '../../core/ids.ts'
import type { Database } from '../database.ts'
import { type HandedOver, listHandedOver } from './handovers.ts'

const connectTimeoutMs = 10_000
const reconnectDelayMsMin = 100
const reconnectDelayMsMax = 2000
/** A connection that is dead without a word is found out by a question. */
const askEveryMs = 15_000
const askTimeoutMs = 5000

export type HandoverWatchOptions = {
  readonly db: Database
  readonly databaseUrl: string
  readonly organisationId: OrganisationId
  /** A session was handed over: what its agent is told meanwhile ends. May be told twice. */
  readonly onHandedOver: (told: HandedOver) => void
  /** Sessions whose handover must not be missed; asked for after the connection was lost. */
  readonly liveSessions: () => readonly string[]
}

export class HandoverWatch implements AsyncDisposable {
  readonly #options: HandoverWatchOptions
  readonly #waiting = new Map<string, Set<() => void>>()
  #waitingCount = 0
  #client: Client | undefined
  #isStopped = false
  #connecting: Promise<void> = Promise.resolve()
  #delayMs = reconnectDelayMsMin
  #retry: NodeJS.Timeout | undefined
  #asking: NodeJS.Timeout | undefined

  constructor(options: HandoverWatchOptions) {
    this.#options = options
  }

  /** Resolves once it listens, or has failed to and goes on trying. */
  async start(): Promise<void> {
    this.#asking = setInterval(() => void this.#ask(), askEveryMs)
    this.#asking.unref()
    this.#connecting = this.#connect()
    await this.#connecting
  }

  /** Nobody is woken any more. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Those who wait for a change. */
  get waiting(): number {
    return this.#waitingCount
  }

  waitingOf(sessionId: string): number {
    return this.#waiting.get(sessionId)?.size ?? 0
  }

  /**
   * Calls back at each change of a handover of the session, and where one may have been missed.
   * Gives what ends it.
   */
  onChanged(sessionId: string, wake: () => void): () => void {
    const waiters = this.#waiting.get(sessionId) ?? new Set()
    this.#waiting.set(sessionId, waiters)
    waiters.add(wake)
    this.#waitingCount += 1
    return () => {
      if (!waiters.delete(wake)) return
      this.#waitingCount -= 1
      if (waiters.size === 0 && this.#waiting.get(sessionId) === waiters) {
        this.#waiting.delete(sessionId)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#asking)
    clearTimeout(this.#retry)
    await this.#connecting
    const client = this.#client
    this.#client = undefined
    for (const sessionId of this.#waiting.keys()) this.#wake(sessionId)
    await client?.end().catch(() => undefined)
  }

  async #connect(): Promise<void> {
    const client = new Client({
      connectionString: this.#options.databaseUrl,
      application_name: 'airworthy handovers',
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: askTimeoutMs,
      keepAlive: true,
    })
    const onLost = (): void => this.#lose(client)
    client.on('error', onLost)
    client.on('end', onLost)
    client.on('notification', ({ payload }) => this.#hear(payload))
    try {
      await client.connect()
      await client.query('LISTEN airworthy_handover')
      if (this.#isStopped) {
        await client.end()
        return
      }
      this.#client = client
      this.#delayMs = reconnectDelayMsMin
      await this.#catchUp()
    } catch {
      client.end().catch(() => undefined)
      this.#tryLater()
    }
  }

  /** What changed while nobody listened. */
  async #catchUp(): Promise<void> {
    for (const sessionId of this.#waiting.keys()) this.#wake(sessionId)
    const { db, organisationId, liveSessions, onHandedOver } = this.#options
    for (const told of await listHandedOver(db, organisationId, liveSessions())) onHandedOver(told)
  }

  #lose(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined)
    this.#tryLater()
  }

  #tryLater(): void {
    if (this.#isStopped) return
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => {
      this.#connecting = this.#connect()
    }, this.#delayMs)
    this.#delayMs = Math.min(this.#delayMs * 2, reconnectDelayMsMax)
  }

  async #ask(): Promise<void> {
    const client = this.#client
    if (client === undefined) return
    await client.query('SELECT 1').catch(() => this.#lose(client))
  }

  #hear(payload: string | undefined): void {
    const told = parseTold(payload)
    if (told === undefined || told.organisation !== this.#options.organisationId) return
    if (told.state === 'open') this.#options.onHandedOver(told)
    this.#wake(told.sessionId)
  }

  #wake(sessionId: string): void {
    for (const wake of this.#waiting.get(sessionId) ?? []) wake()
  }
}

type Told = HandedOver & { readonly organisation: string; readonly state: string }

/** Anybody who may connect to the database may notify: what is no JSON says nothing. */
function parseJson(payload = ''): unknown {
  try {
    const value: unknown = JSON.parse(payload)
    return value
  } catch {
    return undefined
  }
}

/** As the trigger of the table writes it. */
function parseTold(payload: string | undefined): Told | undefined {
  const value = parseJson(payload)
  if (typeof value !== 'object' || value === null) return undefined
  if (!('organisation' in value && 'session' in value && 'state' in value)) return undefined
  const { organisation, session, state } = value
  return {
    organisation: String(organisation),
    sessionId: String(session),
    handoverId: 'handover' in value ? String(value.handover) : '',
    state: String(state),
  }
}
