// What an operator asks a limit to be, checked: each kind has what it needs, and nothing else.
import type { SetLimit } from '@airworthy/sdk'
import { type BudgetWindow, parseWindow } from '../../core/budget/window.ts'
import { ASSET_UNITS_MAX, decimalToUnits } from '../../core/effect/amount.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { parseAsset } from '../../core/money/asset.ts'
import { exactDigest, foldCounterparty, foldedDigest } from '../../core/money/counterparty.ts'
import type { LimitKind, LimitShape, LimitTerms, ListedParty } from '../../core/money/limit.ts'
import { findSubject } from '../../store/budgets/budget-subjects.ts'
import type { Database } from '../../store/database.ts'
import { findDecimals } from '../../store/money/money-assets.ts'

type Context = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly digestOf: (text: string) => string
}

/** Throws `request.invalid`, `agent.unknown`, `money.asset_unknown`. */
export async function readSetting(
  context: Context,
  body: SetLimit,
): Promise<{ readonly shape: LimitShape; readonly terms: LimitTerms }> {
  requireFields(body)
  const { kind, scope, max, countMax } = body
  const { asset, decimals } = await assetOf(context, body)
  const most = max === undefined ? undefined : decimalToUnits(max, decimals ?? 0, ASSET_UNITS_MAX)
  if (max !== undefined && most === undefined) {
    throw invalid('max', `expected a decimal with at most ${decimals ?? 0} decimals`)
  }
  const shape: LimitShape = {
    kind,
    scope,
    subject: await subjectOf(context, body),
    asset,
    converts: body.converts ?? true,
    eachParty: body.eachCounterparty ?? false,
  }
  const terms: LimitTerms = {
    max: most,
    countMax: countMax === undefined ? undefined : BigInt(countMax),
    window: windowOf(body),
    actions: [...new Set(body.actions ?? ['*'])],
    parties: partiesOf(context, body),
    refundsRefill: body.refundsRefill ?? false,
  }
  return { shape, terms }
}

type Field = Exclude<keyof SetLimit, 'kind' | 'scope' | 'subject' | 'reason' | 'actions'>

const fieldsOf: Readonly<Record<LimitKind, readonly Field[]>> = {
  transaction: ['asset', 'max', 'converts'],
  window: ['asset', 'max', 'countMax', 'window', 'converts', 'eachCounterparty', 'refundsRefill'],
  open: ['asset', 'max', 'countMax', 'converts', 'eachCounterparty'],
  ask: [],
  allow: ['counterparties'],
  block: ['counterparties'],
}

const allFields: readonly Field[] = [...fieldsOf.window, 'counterparties']

function requireFields(body: SetLimit): void {
  const { kind } = body
  const stray = allFields.find(
    (field) => body[field] !== undefined && !fieldsOf[kind].includes(field),
  )
  if (stray !== undefined) throw invalid(stray, `nothing: a limit of the kind ${kind} has none`)
  const isBound = kind === 'transaction' || kind === 'window' || kind === 'open'
  if (isBound && body.max === undefined && body.countMax === undefined) {
    throw invalid('max', kind === 'transaction' ? 'a sum' : 'a sum, or countMax')
  }
  if (kind === 'window' && body.window === undefined) throw invalid('window', 'a window')
  if (kind === 'ask' && body.actions === undefined) {
    throw invalid('actions', 'the tools that always need a person')
  }
  if ((kind === 'allow' || kind === 'block') && body.counterparties === undefined) {
    throw invalid('counterparties', 'a list, which may be empty')
  }
}

function invalid(field: string, expected: string): AirworthyError {
  return new AirworthyError('request.invalid', `body.${field}: ${expected}`)
}

async function assetOf(
  { db, organisationId }: Context,
  body: SetLimit,
): Promise<{ asset: string | undefined; decimals: number | undefined }> {
  if (body.asset === undefined) {
    if (body.max !== undefined) throw invalid('asset', 'what the sum is in, such as USD')
    return { asset: undefined, decimals: undefined }
  }
  const asset = parseAsset(body.asset)
  if (asset === undefined) {
    throw invalid('asset', 'an ISO 4217 currency such as USD, or a CAIP-19 asset')
  }
  const decimals = await findDecimals(db, organisationId, asset)
  if (decimals === undefined) {
    throw new AirworthyError('money.asset_unknown', `${asset} is not registered`)
  }
  return { asset, decimals }
}

async function subjectOf(
  { db, organisationId }: Context,
  { scope, subject }: SetLimit,
): Promise<string | undefined> {
  if (subject === undefined) return undefined
  if (scope === 'organisation') throw invalid('subject', 'there is only one organisation')
  const found = await findSubject(db, organisationId, { scope, name: subject })
  if (found !== undefined) return found
  const message = `there is no ${scope} ${JSON.stringify(subject)}`
  if (scope === 'agent') throw new AirworthyError('agent.unknown', message)
  throw invalid('subject', message)
}

function windowOf({ window }: SetLimit): BudgetWindow {
  if (window === undefined) return { kind: 'whole' }
  try {
    return parseWindow(window)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw invalid(`window.${cause.message}`, 'a window')
  }
}

/** Identifiers are kept as digests: whom somebody pays may be a person. */
function partiesOf({ digestOf }: Context, body: SetLimit): ListedParty[] {
  return (body.counterparties ?? []).map((text): ListedParty => {
    const letters = foldCounterparty(text.replaceAll('*', ''))
    if (text.includes('*')) {
      if (letters === '' && body.kind === 'allow') {
        throw invalid('counterparties', 'a pattern that allows everybody is no list')
      }
      return { pattern: text }
    }
    if (letters === '') throw invalid('counterparties', 'an identifier, or a pattern with *')
    const make = body.kind === 'allow' ? exactDigest : foldedDigest
    return { digest: make(digestOf, text) }
  })
}
