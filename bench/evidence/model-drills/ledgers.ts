// What the database says of budgets and model calls, added up anew from its rows.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { listAt } from './fields.ts'

/** In the order of the units: calls, tokens, nano-USD, input tokens, output tokens. */
export type Units = readonly bigint[]

export type LedgerRow = {
  readonly scope: 'session' | 'agent' | 'policy'
  readonly scopeId: string
  /** Of a unit without a limit nothing is kept. */
  readonly isLimited: readonly boolean[]
  readonly settled: Units
  readonly reserved: Units
  readonly leased: Units
  readonly unknown: Units
  readonly overrun: Units
}

export type CallRow = {
  readonly id: string
  readonly sessionId: string
  readonly agentId: string
  readonly state: string
  readonly code: string | null
  readonly reserved: Units
  /** Settled of an unknown call already. */
  readonly atLeast: Units
  readonly promptTokens: number | null
  readonly completionTokens: number | null
  /** The ledgers of policies that it reserved in. */
  readonly policyLedgers: readonly string[]
}

const unitsCount = 5
const noUnits: Units = Array.from({ length: unitsCount }, () => 0n)

export function add(a: Units, b: Units): Units {
  return a.map((value, index) => value + (b[index] ?? 0n))
}

export class DrillRecord implements AsyncDisposable {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  static async open(databaseUrl: string): Promise<DrillRecord> {
    const client = new Client({ connectionString: databaseUrl })
    // A lost connection is reported by the query that needed it.
    client.on('error', () => undefined)
    await client.connect()
    return new DrillRecord(client)
  }

  async ledgers(): Promise<LedgerRow[]> {
    const { rows } = await this.#client.query<Record<string, unknown>>(`
      SELECT scope, scope_id AS "scopeId", limits::text[], settled::text[], reserved::text[], leased::text[],
        unknown::text[], overrun::text[] FROM airworthy.ledgers`)
    return rows.map((row) => ({
      scope: scopeOf(row['scope']),
      scopeId: String(row['scopeId']),
      isLimited: noUnits.map((_none, index) => typeof listAt(row, 'limits')[index] === 'string'),
      settled: unitsOf(row['settled']),
      reserved: unitsOf(row['reserved']),
      leased: unitsOf(row['leased']),
      unknown: unitsOf(row['unknown']),
      overrun: unitsOf(row['overrun']),
    }))
  }

  /** Of model calls that were let through. */
  async calls(agentIds: readonly string[]): Promise<CallRow[]> {
    const { rows } = await this.#client.query<Record<string, unknown>>(
      `SELECT call_id, session_id, agent_id, state, code, reserved::text[], prompt_tokens,
        completion_tokens, ledgers, detail FROM airworthy.calls
        WHERE kind = 'model' AND state <> 'denied' AND agent_id = ANY ($1) ORDER BY created_at, call_id`,
      [agentIds],
    )
    return rows.map((row) => ({
      id: String(row['call_id']),
      sessionId: String(row['session_id']),
      agentId: String(row['agent_id']),
      state: String(row['state']),
      code: typeof row['code'] === 'string' ? row['code'] : null,
      reserved: unitsOf(row['reserved']),
      atLeast: unitsOf(listAt(row['detail'], 'atLeast')),
      promptTokens: countOf(row['prompt_tokens']),
      completionTokens: countOf(row['completion_tokens']),
      policyLedgers: listAt(row, 'ledgers').map(String),
    }))
  }

  /** Of replicas that died, and that nobody has settled, by ledger. */
  async lostLeases(): Promise<Map<string, Units>> {
    const { rows } = await this.#client.query<Record<string, unknown>>(
      `SELECT scope_id, amounts::text[] FROM airworthy.lost_leases WHERE settled_as IS NULL`,
    )
    const lost = new Map<string, Units>()
    for (const row of rows) {
      const id = String(row['scope_id'])
      lost.set(id, add(lost.get(id) ?? noUnits, unitsOf(row['amounts'])))
    }
    return lost
  }

  /** Gateways that live, as far as the others know. */
  async replicas(): Promise<number> {
    const { rows } = await this.#client.query<Record<string, unknown>>(
      'SELECT count(*) AS living FROM airworthy.replicas WHERE ended_at IS NULL',
    )
    return Number(rows[0]?.['living'])
  }

  /** Waits until no call of the agents is under way; gives those that still are. */
  async quiet(agentIds: readonly string[], withinMs: number): Promise<number> {
    const deadlineMs = performance.now() + withinMs
    for (;;) {
      const calls = await this.calls(agentIds)
      const open = calls.filter(({ state }) => state === 'executing' || state === 'held').length
      if (open === 0 || performance.now() > deadlineMs) return open
      await sleep(200)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end()
  }
}

export type Stray = {
  /** Units that are reserved although no call is under way. */
  readonly reservedLedgers: number
  readonly leasedLedgers: number
  /** Ledgers whose unknown part is not that of the calls in state unknown. */
  readonly unknownDiffers: number
  readonly unknownCalls: number
  readonly overrunLedgers: number
}

/** Compares the agents' ledgers, their sessions' and those of policies with the calls themselves. */
export async function findStray(record: DrillRecord, agentIds: readonly string[]): Promise<Stray> {
  const calls = await record.calls(agentIds)
  const lost = await record.lostLeases()
  const used = calls.flatMap(({ sessionId, policyLedgers }) => [sessionId, ...policyLedgers])
  const scopes = new Set([...agentIds, ...used])
  const ledgers = (await record.ledgers()).filter(({ scopeId }) => scopes.has(scopeId))
  const unknown = calls.filter(({ state }) => state === 'unknown')
  const held = new Map<string, Units>(lost)
  for (const call of unknown) {
    const kept = call.reserved.map((amount, index) => {
      const certain = call.atLeast[index] ?? 0n
      return amount > certain ? amount - certain : 0n
    })
    for (const id of [call.agentId, call.sessionId, ...call.policyLedgers]) {
      held.set(id, add(held.get(id) ?? noUnits, kept))
    }
  }
  const isSome = (units: Units): boolean => units.some((amount) => amount !== 0n)
  return {
    reservedLedgers: ledgers.filter(({ reserved }) => isSome(reserved)).length,
    leasedLedgers: ledgers.filter(({ leased }) => isSome(leased)).length,
    unknownDiffers: ledgers.filter((ledger) => {
      const wanted = held.get(ledger.scopeId) ?? noUnits
      return ledger.unknown.some(
        (amount, index) => ledger.isLimited[index] === true && amount !== wanted[index],
      )
    }).length,
    unknownCalls: unknown.length,
    overrunLedgers: ledgers.filter(({ overrun }) => isSome(overrun)).length,
  }
}

function scopeOf(value: unknown): LedgerRow['scope'] {
  if (value === 'session' || value === 'agent' || value === 'policy') return value
  throw new TypeError(`a ledger of ${String(value)}`)
}

/** Rows of the release before have three units. */
function unitsOf(value: unknown): Units {
  const list = Array.isArray(value) ? value : []
  return noUnits.map((none, index) => (list[index] === undefined ? none : BigInt(list[index])))
}

function countOf(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}
