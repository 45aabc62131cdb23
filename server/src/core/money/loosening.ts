// What of a change lets more money out. One person may tighten a limit; it takes two to loosen it.
import type { BudgetWindow, CalendarUnit } from '../budget/window.ts'
import type { LimitKind, LimitTerms, ListedParty } from './limit.ts'

/** The terms that are looser after the change; none where one person is enough. */
export function loosenedTerms(
  kind: LimitKind,
  change: { readonly before: LimitTerms; readonly after: LimitTerms },
): (keyof LimitTerms)[] {
  const { before, after } = change
  const loosened: (keyof LimitTerms)[] = []
  if (isHigher(before.max, after.max)) loosened.push('max')
  if (isHigher(before.countMax, after.countMax)) loosened.push('countMax')
  if (isWindowLooser(before.window, after.window)) loosened.push('window')
  // A limit on fewer tools lets the others go.
  if (before.actions.some((glob) => !after.actions.includes(glob))) loosened.push('actions')
  const [fewer, more] = kind === 'allow' ? [after, before] : [before, after]
  if (fewer.parties.some((party) => !includesParty(more.parties, party))) loosened.push('parties')
  if (after.refundsRefill && !before.refundsRefill) loosened.push('refundsRefill')
  return loosened
}

/** Undefined is no bound at all. */
function isHigher(before: bigint | undefined, after: bigint | undefined): boolean {
  if (before === undefined) return false
  return after === undefined || after > before
}

const unitOrder: readonly CalendarUnit[] = ['hour', 'day', 'week', 'month']

/**
 * The same sum in a shorter window is more money. What cannot be compared counts as looser; another
 * zone is not, because what was used of the day before counts in the first day of the new zone.
 */
function isWindowLooser(before: BudgetWindow, after: BudgetWindow): boolean {
  if (after.kind === 'whole') return false
  if (before.kind === 'rolling' && after.kind === 'rolling') return after.seconds < before.seconds
  if (before.kind === 'calendar' && after.kind === 'calendar') {
    return unitOrder.indexOf(after.unit) < unitOrder.indexOf(before.unit)
  }
  return true
}

function includesParty(parties: readonly ListedParty[], party: ListedParty): boolean {
  return parties.some((each) => partyKey(each) === partyKey(party))
}

function partyKey(party: ListedParty): string {
  return 'digest' in party ? `digest ${party.digest}` : `pattern ${party.pattern}`
}
