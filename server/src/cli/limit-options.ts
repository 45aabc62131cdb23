// What `airworthy limit set` is told: options over what the limit is set to already.
import type { Limit, LimitKind, LimitScope, SetLimit } from '@airworthy/sdk'
import { readWindow } from './budget-options.ts'
import { UsageError } from './failure.ts'

export type LimitOptions = {
  readonly kind?: LimitKind
  readonly scope?: LimitScope
  readonly team?: string
  readonly agent?: string
  readonly session?: string
  readonly asset?: string
  readonly max?: string
  readonly count?: string
  readonly window?: string
  readonly tools?: string
  readonly counterparties?: string
  readonly eachCounterparty?: boolean
  readonly onlyThisAsset?: boolean
  readonly refundsRefill?: boolean
  readonly reason?: string
}

/** The whole setting. Throws `UsageError` where something is missing, or contradicts itself. */
export function readLimit(options: LimitOptions, current: Limit | undefined): SetLimit {
  const kind = options.kind ?? current?.kind
  if (kind === undefined) {
    throw new UsageError('a new limit needs --kind: transaction, window, open, ask, allow or block')
  }
  const max = bound(options.max, current?.max ?? undefined)
  const countMax = countOf(options.count, current?.countMax ?? undefined)
  const window =
    options.window === undefined ? currentWindow(kind, current) : readWindow(options.window)
  const actions = listOf(options.tools) ?? current?.actions
  const asset = options.asset ?? current?.asset ?? undefined
  const isBound = kind === 'transaction' || kind === 'window' || kind === 'open'
  const isList = kind === 'allow' || kind === 'block'
  return {
    kind,
    ...subjectOf(options, current),
    ...(asset === undefined ? {} : { asset }),
    ...(max === undefined ? {} : { max }),
    ...(countMax === undefined ? {} : { countMax }),
    ...(window === undefined ? {} : { window }),
    ...(actions === undefined ? {} : { actions }),
    ...(isList ? { counterparties: partiesOf(options, current) } : {}),
    ...(isBound ? { converts: options.onlyThisAsset !== true && current?.converts !== false } : {}),
    ...(kind === 'window' || kind === 'open'
      ? { eachCounterparty: options.eachCounterparty ?? current?.eachCounterparty ?? false }
      : {}),
    ...(kind === 'window'
      ? { refundsRefill: options.refundsRefill ?? current?.refundsRefill ?? false }
      : {}),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  }
}

function currentWindow(kind: LimitKind, current: Limit | undefined): SetLimit['window'] {
  return kind === 'window' ? current?.window : undefined
}

function bound(text: string | undefined, current: string | undefined): string | undefined {
  if (text === undefined) return current
  return text === 'none' ? undefined : text
}

function countOf(text: string | undefined, current: number | undefined): number | undefined {
  if (text === undefined) return current
  if (text === 'none') return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new UsageError(`--count must be a whole number, or none, but is ${JSON.stringify(text)}`)
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(',').map((each) => each.trim())
}

/** The server keeps digests of them, so that a list is always given whole. */
function partiesOf(options: LimitOptions, current: Limit | undefined): string[] {
  const named = options.counterparties === '' ? [] : listOf(options.counterparties)
  if (named !== undefined) return named
  if (current === undefined || current.counterparties === 0) return [...(current?.patterns ?? [])]
  throw new UsageError('--counterparties: give the whole list; the server has only digests of it')
}

function subjectOf(
  { scope, team, agent, session }: LimitOptions,
  current: Limit | undefined,
): Pick<SetLimit, 'scope' | 'subject'> {
  const named = [
    { scope: 'team', subject: team },
    { scope: 'agent', subject: agent },
    { scope: 'session', subject: session },
  ] as const
  const [one, other] = named.flatMap(({ scope: of, subject }) =>
    subject === undefined ? [] : [{ scope: of, subject }],
  )
  if (other !== undefined) throw new UsageError('a limit is for one team, agent or session')
  if (one !== undefined) {
    if (scope === undefined || scope === one.scope) return one
    throw new UsageError(`--${one.scope} does not go with --scope ${scope}`)
  }
  const kept = scope ?? current?.scope ?? 'organisation'
  const isKept = current?.scope === kept && current.subject !== null
  return isKept ? { scope: kept, subject: current.subject } : { scope: kept }
}
