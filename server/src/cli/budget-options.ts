// What `airworthy budget set` is told: options over what the budget is set to already.
import type {
  BudgetLimits,
  BudgetPolicy,
  BudgetScope,
  BudgetWindow,
  SetBudget,
} from '@airworthy/sdk'
import { policyScopes } from '../core/budget/policy.ts'
import { readDuration } from './duration.ts'
import { UsageError } from './failure.ts'

export type SetOptions = {
  readonly scope?: BudgetScope
  readonly team?: string
  readonly agent?: string
  readonly agentVersion?: string
  readonly user?: string
  readonly session?: string
  readonly window?: string
  readonly calls?: string
  readonly tokens?: string
  readonly inputTokens?: string
  readonly outputTokens?: string
  readonly money?: string
  readonly alerts?: string
  readonly onHit?: 'block' | 'redirect'
  readonly includeToolMoney?: boolean
}

/** The whole setting. Throws `UsageError` where something is missing, or contradicts itself. */
export function readSetting(options: SetOptions, current: BudgetPolicy | undefined): SetBudget {
  const limits = readLimits(options, current?.limits ?? {})
  if (Object.keys(limits).length === 0) {
    throw new UsageError(
      'a budget needs a limit: --money, --tokens, --input-tokens, --output-tokens or --calls',
    )
  }
  const alerts = options.alerts === undefined ? current?.alerts : readAlerts(options.alerts)
  const onHit = options.onHit ?? current?.onHit
  return {
    ...readScope(options, current),
    window:
      options.window === undefined
        ? (current?.window ?? { kind: 'whole' })
        : readWindow(options.window),
    limits,
    ...(alerts === undefined ? {} : { alerts }),
    ...(onHit === undefined ? {} : { onHit }),
    includeToolMoney: options.includeToolMoney ?? current?.includeToolMoney ?? false,
  }
}

type Named = { readonly scope: BudgetScope; readonly option: string; readonly subject: string }

function namedSubjects(options: SetOptions): Named[] {
  const { team, agent, agentVersion, user, session } = options
  const all = [
    { scope: 'team', option: '--team', subject: team },
    { scope: 'agent', option: '--agent', subject: agent },
    { scope: 'version', option: '--agent-version', subject: agentVersion },
    { scope: 'user', option: '--user', subject: user },
    { scope: 'session', option: '--session', subject: session },
  ] as const
  return all.flatMap(({ subject, ...each }) =>
    subject === undefined ? [] : [{ ...each, subject }],
  )
}

function readScope(
  options: SetOptions,
  current: BudgetPolicy | undefined,
): Pick<SetBudget, 'scope' | 'subject'> {
  const [named, other] = namedSubjects(options)
  if (named !== undefined && other !== undefined) {
    throw new UsageError(`a budget is for one: give either ${named.option} or ${other.option}`)
  }
  const scope = options.scope ?? named?.scope ?? current?.scope
  if (scope === undefined) {
    throw new UsageError(`a new budget needs --scope: ${policyScopes.join(', ')}`)
  }
  if (named === undefined) return { scope, ...keptSubject(scope, current) }
  if (named.scope !== scope) {
    throw new UsageError(`${named.option} does not go with --scope ${scope}`)
  }
  return { scope, subject: named.subject }
}

/** `--scope team` alone, said again of a budget of one team, does not make it one of each team. */
function keptSubject(
  scope: BudgetScope,
  current: BudgetPolicy | undefined,
): Pick<SetBudget, 'subject'> {
  if (current === undefined || current.subject === null || current.scope !== scope) return {}
  return { subject: current.subject }
}

/** `whole`, `calendar:month:Europe/Berlin`, `rolling:30d`. Throws `UsageError`. */
export function readWindow(text: string): BudgetWindow {
  if (text === 'whole') return { kind: 'whole' }
  const [, length] = /^rolling:(.+)$/.exec(text) ?? []
  if (length !== undefined) return { kind: 'rolling', seconds: readDuration('rolling:', length) }
  const [, unit, zone] = /^calendar:(hour|day|week|month):(.+)$/.exec(text) ?? []
  if (zone !== undefined && isCalendarUnit(unit)) return { kind: 'calendar', unit, zone }
  throw new UsageError(
    '--window must be whole, calendar:<hour|day|week|month>:<zone> such as ' +
      `calendar:month:Europe/Berlin, or rolling:<duration> such as rolling:24h, but is ${JSON.stringify(text)}`,
  )
}

function isCalendarUnit(text: string | undefined): text is 'hour' | 'day' | 'week' | 'month' {
  return text === 'hour' || text === 'day' || text === 'week' || text === 'month'
}

/** Unit by unit over what is set: `none` lifts a limit. */
function readLimits(options: SetOptions, current: BudgetLimits): BudgetLimits {
  const { moneyUsd } = current
  const calls = readCount('--calls', options.calls, current.calls)
  const tokens = readCount('--tokens', options.tokens, current.tokens)
  const inputTokens = readCount('--input-tokens', options.inputTokens, current.inputTokens)
  const outputTokens = readCount('--output-tokens', options.outputTokens, current.outputTokens)
  const money = options.money === undefined ? moneyUsd : readMoney(options.money)
  return {
    ...(calls === undefined ? {} : { calls }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
    ...(money === undefined ? {} : { moneyUsd: money }),
  }
}

function readCount(
  option: string,
  text: string | undefined,
  current: number | undefined,
): number | undefined {
  if (text === undefined) return current
  if (text === 'none') return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new UsageError(`${option} must be a whole number, or none, but is ${JSON.stringify(text)}`)
}

function readMoney(text: string): string | undefined {
  if (text === 'none') return undefined
  if (/^(0|[1-9]\d{0,8})(\.\d{1,9})?$/.test(text)) return text
  throw new UsageError(
    `--money must be US dollars such as 1000 or 2.50, or none, but is ${JSON.stringify(text)}`,
  )
}

/** `50,80,100`, or `none`. */
function readAlerts(text: string): readonly number[] {
  if (text === 'none') return []
  const alerts = text.split(',').map(Number)
  const isGood = alerts.every((each, at) => {
    const before = at === 0 ? 0 : (alerts[at - 1] ?? 0)
    return Number.isInteger(each) && each > before && each <= 100
  })
  if (isGood) return alerts
  throw new UsageError(
    `--alerts must be ascending percentages such as 50,80,100, or none, but is ${JSON.stringify(text)}`,
  )
}
