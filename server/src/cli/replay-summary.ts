// What the pages of a replay add up to. Bounded: the first differences are kept, the rest counted.
import type { ReplayDifference, ReplayedPage, ReplayedSession } from '@airworthy/sdk'
import { dollars, money, printFields, printLine, printTable } from './terminal.ts'

const differencesMax = 1_000
const shownMax = 50

type Change = {
  calls: number
  /** Where the session differed first: what follows would not have happened as it did. */
  first: number
  readonly amounts: Map<string, bigint>
  costNanoUsd: bigint
}

export class ReplaySummary {
  sessions = 0
  differing = 0
  readonly #counts = { calls: 0, compared: 0, unlike: 0, cut: 0, changed: 0 }
  readonly #skipped = { repeats: 0, refused: 0, forgotten: 0, unknown: 0 }
  readonly #changes = new Map<string, Change>()
  readonly #rules = new Map<string, Map<string, number>>()
  readonly #differences: (ReplayDifference & { session: string })[] = []

  add(page: ReplayedPage): void {
    for (const session of page.sessions) this.#addSession(session)
  }

  #addSession(session: ReplayedSession): void {
    this.sessions += 1
    this.#counts.calls += session.calls
    this.#counts.compared += session.compared
    this.#counts.unlike += session.unlike
    if (session.isCut) this.#counts.cut += 1
    if (session.differences.length > 0) this.#counts.changed += 1
    this.#skipped.repeats += session.skipped.repeats
    this.#skipped.refused += session.skipped.refused
    this.#skipped.forgotten += session.skipped.forgotten
    this.#skipped.unknown += session.skipped.unknown
    for (const difference of session.differences) this.#addDifference(session.id, difference)
  }

  #addDifference(session: string, difference: ReplayDifference): void {
    const { before, after, amount, costNanoUsd, rules, isFirst } = difference
    const name = `${before} -> ${after}`
    const change = this.#changes.get(name) ?? {
      calls: 0,
      first: 0,
      amounts: new Map(),
      costNanoUsd: 0n,
    }
    this.#changes.set(name, change)
    this.differing += 1
    change.calls += 1
    if (isFirst) change.first += 1
    if (amount !== null) {
      const sum = change.amounts.get(amount.currency) ?? 0n
      change.amounts.set(amount.currency, sum + BigInt(amount.minorUnits))
    }
    change.costNanoUsd += BigInt(costNanoUsd ?? '0')
    for (const rule of rules) {
      const counts = this.#rules.get(rule) ?? new Map<string, number>()
      this.#rules.set(rule, counts)
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    if (this.#differences.length < differencesMax)
      this.#differences.push({ session, ...difference })
  }

  /** For machines; at most 1,000 differences, `differing` says how many there are. */
  document(): Record<string, unknown> {
    const changes = [...this.#changes].map(([change, { calls, first, amounts, costNanoUsd }]) => ({
      change,
      calls,
      firstInSession: first,
      amounts: [...amounts].map(([currency, sum]) => ({ currency, minorUnits: String(sum) })),
      costNanoUsd: String(costNanoUsd),
    }))
    const rules = [...this.#rules].map(([rule, counts]) => ({
      rule,
      ...Object.fromEntries(counts),
    }))
    const { sessions, differing } = this
    const skipped = this.#skipped
    return {
      sessions,
      ...this.#counts,
      skipped,
      differing,
      changes,
      rules,
      differences: this.#differences,
    }
  }

  print(): void {
    const { calls, compared, unlike, cut, changed } = this.#counts
    const { repeats, refused, forgotten, unknown } = this.#skipped
    printFields({
      sessions: `${this.sessions} (${changed} with differences)`,
      calls: `${calls} (${compared} compared)`,
      'not compared': `${repeats} repeats, ${refused} refused anyway, ${forgotten} forgotten, ${unknown} unknown facts`,
      differences: this.differing,
    })
    if (unlike > 0) {
      printLine(
        `${unlike} recorded verdicts are not those of the recorded pact on the rebuilt facts`,
      )
    }
    if (cut > 0) printLine(`${cut} sessions have more calls than a replay reads`)
    if (this.differing === 0) return
    this.#printChanges()
    this.#printDifferences()
  }

  #printChanges(): void {
    printLine()
    printTable(
      ['CHANGE', 'CALLS', 'FIRST IN SESSION', 'MONEY', 'MODEL COST'],
      [...this.#changes].map(([name, { calls, first, amounts, costNanoUsd }]) => [
        name,
        calls,
        first,
        [...amounts]
          .map(([currency, sum]) => money({ minorUnits: String(sum), currency }))
          .join(', '),
        dollars(String(costNanoUsd)),
      ]),
    )
    printLine()
    printTable(
      ['RULE', 'CHANGES'],
      [...this.#rules].map(([rule, counts]) => [
        rule,
        [...counts].map(([name, count]) => `${count} ${name}`).join(', '),
      ]),
    )
  }

  #printDifferences(): void {
    printLine()
    printTable(
      ['CALL', 'ACTION', 'CHANGE', 'AMOUNT', 'RULES'],
      this.#differences
        .slice(0, shownMax)
        .map(({ call, action, before, after, amount, rules }) => [
          call,
          action,
          `${before} -> ${after}`,
          money(amount),
          rules.join(', '),
        ]),
    )
    if (this.differing > shownMax) {
      printLine(`... and ${this.differing - shownMax} more; --json lists ${differencesMax} of them`)
    }
  }
}
