// Reads what a batch needs to know of money: the limits that hold, the ledgers in which its calls
// count, quotes, authorisations, and what the calls that end had reserved.
import type { LedgerPlace } from '../../core/money/carry.ts'
import { placeNow } from '../../core/money/carry.ts'
import { isoDecimals } from '../../core/money/asset.ts'
import type { MoneyBook } from '../../core/money/check.ts'
import { asksUndeclared, coversAction, limitSubject } from '../../core/money/limit.ts'
import type { Quote } from '../../core/money/quote.ts'
import { type KnownLimit, limitColumns, limitOf, type LimitRow } from '../money/money-limit-rows.ts'
import { loadMoneyLedgers, makeMoneyLedgers, type NewMoneyLedger } from './money-ledgers.ts'
import {
  type MoneyAuthorisation,
  type MoneyPurpose,
  type MoneyState,
  noMoney,
} from './money-state.ts'
import { toolMoneyLedgers } from './place-tool-money.ts'
import { ledgerIdOf } from './policies.ts'
import type { OpenCall, RecorderState, Scope, SessionState } from './state.ts'
import type { Intent } from './types.ts'

/** Must be called while the head's lock is held, once the sessions are known. */
export async function loadMoney(
  state: RecorderState,
  scope: Scope,
  of: {
    readonly intents: readonly Intent[]
    readonly ending: readonly OpenCall[]
    readonly nowMs: number
  },
): Promise<void> {
  const intents = of.intents.filter((each) => isMoneyAsked(state, each))
  const ending = of.ending.filter((call) => call.hasMoney)
  state.money = noMoney()
  if (intents.length === 0 && ending.length === 0) return
  const authorisations = await loadAuthorisations(scope, { intents, ending })
  const calls = [...ending.map(({ callId }) => callId), ...openedBy(authorisations, ending)]
  const limits = await selectLimits(scope, calls)
  const money: MoneyState = {
    ...noMoney(),
    limits: limits.filter((limit) => limit.isActive),
    book: intents.some((each) => each.money?.money) ? await loadBook(scope) : noMoney().book,
    authorisations,
  }
  state.money = money
  const byId = new Map(limits.map((limit) => [limit.limitId, limit]))
  await loadReservations(scope, money, { ending, limits: byId })
  await loadPlaces(state, scope, { money, intents, nowMs: of.nowMs })
}

/** Whether anything wants to know of the money that the call moves. */
export function isMoneyAsked(state: RecorderState, intent: Intent): boolean {
  if (intent.money === undefined) return false
  if (state.limitsVersion !== null) return true
  if (!intent.money.isDeclared) return false
  const session = state.sessions.get(intent.principal.sessionId)
  return session !== undefined && toolMoneyLedgers(session).length > 0
}

/** Those that hold, and those that the calls reserved in, whatever became of them. */
async function selectLimits(scope: Scope, callIds: readonly string[]): Promise<KnownLimit[]> {
  const found = await scope.client.query<LimitRow>(
    `SELECT ${limitColumns} FROM airworthy.limits WHERE organisation_id = $1
      AND (state = 'active' OR limit_id IN (SELECT l.limit_id
        FROM airworthy.money_reservations r JOIN airworthy.money_ledgers l
          USING (organisation_id, ledger_id)
        WHERE r.organisation_id = $1 AND r.call_id = ANY($2::uuid[])))
    ORDER BY name, limit_id`,
    [scope.organisationId, callIds],
  )
  return found.rows.map(limitOf)
}

async function loadBook(scope: Scope): Promise<MoneyBook> {
  const assets = await scope.client.query<{ asset: string; decimals: number }>(
    'SELECT asset, decimals FROM airworthy.assets WHERE organisation_id = $1',
    [scope.organisationId],
  )
  const decimals = new Map(assets.rows.map((row) => [row.asset, row.decimals]))
  const quotes = await scope.client.query<{
    base: string
    quoted: string
    numerator: string
    denominator: string
    agreed_numerator: string
    agreed_denominator: string
    at: Date
    max_age_seconds: number
  }>(
    `SELECT base, quoted, numerator, denominator, agreed_numerator, agreed_denominator, at,
      max_age_seconds FROM airworthy.quotes
    WHERE organisation_id = $1`,
    [scope.organisationId],
  )
  const byPair = new Map(
    quotes.rows.map((row): [string, Quote] => [
      `${row.base} ${row.quoted}`,
      {
        base: row.base,
        quoted: row.quoted,
        numerator: BigInt(row.numerator),
        denominator: BigInt(row.denominator),
        agreed: {
          numerator: BigInt(row.agreed_numerator),
          denominator: BigInt(row.agreed_denominator),
        },
        atMs: row.at.getTime(),
        maxAgeMs: row.max_age_seconds * 1000,
      },
    ]),
  )
  return {
    decimalsOf: (asset) => isoDecimals(asset) ?? decimals.get(asset),
    quoteOf: (base, quoted) => byPair.get(`${base} ${quoted}`),
  }
}

async function loadAuthorisations(
  scope: Scope,
  of: { readonly intents: readonly Intent[]; readonly ending: readonly OpenCall[] },
): Promise<Map<string, MoneyAuthorisation>> {
  const references = of.intents.flatMap(({ money: move }) => {
    const { does, reference } = move?.authorisation ?? {}
    return does === 'opens' || reference === undefined ? [] : [reference]
  })
  if (references.length === 0 && of.ending.length === 0) return new Map()
  const found = await scope.client.query<{
    reference: string
    call_id: string
    asset: string
    minor: string
    state: MoneyAuthorisation['state']
    closing_call: string | null
    closing_as: 'captures' | 'voids' | null
  }>(
    `SELECT reference, call_id, asset, minor, state, closing_call, closing_as
    FROM airworthy.money_authorisations WHERE organisation_id = $1
      AND (reference = ANY($2::text[]) OR closing_call = ANY($3::uuid[]) AND state = 'closing')`,
    [scope.organisationId, references, of.ending.map(({ callId }) => callId)],
  )
  const known = new Map(
    found.rows.map((row): [string, MoneyAuthorisation] => {
      const { reference, asset, state, closing_call: callId, closing_as: as } = row
      const closing = callId === null || as === null ? undefined : { callId, as }
      const minor = BigInt(row.minor)
      const countedIn = new Set<string>()
      const one = { reference, callId: row.call_id, asset, minor, state, closing, countedIn }
      return [reference, one]
    }),
  )
  if (references.length > 0 && known.size > 0) await loadCounted(scope, known)
  return known
}

/** A capture need not count again where its authorisation was counted: there, and nowhere else. */
async function loadCounted(
  scope: Scope,
  authorisations: ReadonlyMap<string, MoneyAuthorisation>,
): Promise<void> {
  const byCall = new Map([...authorisations.values()].map((each) => [each.callId, each]))
  const found = await scope.client.query<{ call_id: string; counted_in: string | null }>(
    `SELECT r.call_id, coalesce(l.limit_id, b.policy_id) AS counted_in
    FROM airworthy.money_reservations r
      LEFT JOIN airworthy.money_ledgers l
        ON l.organisation_id = r.organisation_id AND l.ledger_id = r.ledger_id
      LEFT JOIN airworthy.ledgers b
        ON b.organisation_id = r.organisation_id AND b.scope_id = r.ledger_id
    WHERE r.organisation_id = $1 AND r.call_id = ANY($2::uuid[])
      AND r.purpose IN ('charge', 'budget') AND r.state = 'settled'`,
    [scope.organisationId, [...byCall.keys()]],
  )
  for (const { call_id: callId, counted_in: id } of found.rows) {
    if (id !== null) byCall.get(callId)?.countedIn.add(id)
  }
}

/** The calls that opened what the calls that end were to close. */
function openedBy(
  authorisations: ReadonlyMap<string, MoneyAuthorisation>,
  ending: readonly OpenCall[],
): string[] {
  return [...authorisations.values()]
    .filter(({ closing }) => ending.some(({ callId }) => callId === closing?.callId))
    .map(({ callId }) => callId)
}

/** Of calls that end, and of those that opened what they close. */
async function loadReservations(
  scope: Scope,
  money: MoneyState,
  of: {
    readonly ending: readonly OpenCall[]
    readonly limits: ReadonlyMap<string, KnownLimit>
  },
): Promise<void> {
  const ending = of.ending.map(({ callId }) => callId)
  const opening = openedBy(money.authorisations, of.ending)
  const found = await scope.client.query<{
    call_id: string
    ledger_id: string
    purpose: MoneyPurpose
    minor: string
    count: string
  }>(
    `SELECT call_id, ledger_id, purpose, minor, count FROM airworthy.money_reservations
    WHERE organisation_id = $1 AND (call_id = ANY($2::uuid[]) AND state = 'held'
      OR call_id = ANY($3::uuid[]) AND state = 'settled')
    ORDER BY ledger_id`,
    [scope.organisationId, ending, opening],
  )
  for (const row of found.rows) {
    const { call_id: callId, ledger_id: ledgerId, purpose } = row
    const amounts = { minor: BigInt(row.minor), count: BigInt(row.count) }
    const before = money.reservations.get(callId) ?? []
    money.reservations.set(callId, [...before, { callId, ledgerId, purpose, amounts }])
  }
  const ids = [...new Set(found.rows.map((row) => row.ledger_id))]
  await loadMoneyLedgers(scope, money, { ids, limits: of.limits })
}

/** Finds the ledgers in which the calls would count now, and makes those that are not there. */
async function loadPlaces(
  state: RecorderState,
  scope: Scope,
  of: { readonly money: MoneyState; readonly intents: readonly Intent[]; readonly nowMs: number },
): Promise<void> {
  const { money, intents, nowMs } = of
  const wanted = new Map<string, NewMoneyLedger>()
  for (const intent of intents) {
    const session = state.sessions.get(intent.principal.sessionId)
    if (session === undefined) continue
    const places = new Map<string, string>()
    for (const limit of money.limits) {
      const ledger = ledgerOf(limit, { intent, session, place: placeNow(limit, nowMs) })
      if (ledger === undefined) continue
      places.set(limit.limitId, ledger.ledgerId)
      wanted.set(ledger.ledgerId, ledger)
    }
    money.places.set(intent.callId, places)
  }
  const limits = new Map(money.limits.map((limit) => [limit.limitId, limit]))
  const unknown = [...wanted.keys()].filter((id) => !money.ledgers.has(id))
  await loadMoneyLedgers(scope, money, { ids: unknown, limits })
  const absent = [...wanted.values()].filter(({ ledgerId }) => !money.ledgers.has(ledgerId))
  if (absent.length > 0) await makeMoneyLedgers(scope, money, { absent, nowMs })
}

/** Whether the limit is for the tool; one that says nothing of money must be named by it. */
export function isAbout(limit: KnownLimit, { action, money }: Intent): boolean {
  return money?.isDeclared === false ? asksUndeclared(limit, action) : coversAction(limit, action)
}

/** Undefined where the limit keeps none, or is not for the call. */
function ledgerOf(
  limit: KnownLimit,
  of: { readonly intent: Intent; readonly session: SessionState; readonly place: LedgerPlace },
): NewMoneyLedger | undefined {
  const { intent, session, place } = of
  if (limit.kind !== 'window' && limit.kind !== 'open') return undefined
  const subject = limitSubject(limit, session.subjects)
  if (subject === undefined || !isAbout(limit, intent)) return undefined
  // Whoever names no counterparty shares the ledger of nobody: a limit must not end by saying nothing.
  const party = limit.eachParty ? (intent.money?.counterparty?.folded ?? '') : undefined
  const whose = party === undefined ? subject : `${subject}\0${party}`
  const ledgerId = ledgerIdOf(limit, { subject: whose, key: place.key })
  return { ledgerId, limit, subject, whose, place }
}
