// What approvals ask of people, and what they make of it: how long answers take, who only ever says
// yes, and what is asked so often that a rule could say it.

type Money = { readonly minor: bigint; readonly currency: string }

/** How a question ended. `expired`: nobody answered in time. */
export type HoldEnd = 'approved' | 'rejected' | 'expired'

/** A hold that was decided in the time that is looked at. Canaries are not among them. */
export type DecidedHold = {
  readonly agent: string
  readonly action: string
  /** Of the rules that held it, sorted. */
  readonly rules: readonly string[]
  readonly end: HoldEnd
  readonly openedAtMs: number
  readonly decidedAtMs: number
  readonly amount: Money | undefined
  readonly pactId: string
}

export type CastVote = {
  /** The operator's name. */
  readonly operator: string
  readonly vote: 'approve' | 'reject'
  readonly openedAtMs: number
  readonly castAtMs: number
  /** When this operator was first shown the hold; undefined: never. */
  readonly viewedAtMs: number | undefined
  readonly isCanary: boolean
}

export type Times = { readonly p50Ms: number; readonly p90Ms: number }

/** `fast`: approved before anybody could have read it. `always`: never once said no. */
export type LoadWarning = 'fast' | 'always' | 'canary'

export type PersonLoad = {
  readonly operator: string
  readonly approved: number
  readonly rejected: number
  /** Per cent of the votes, rounded down, so that 100 means all. */
  readonly approvedPercent: number
  /** From the hold's opening to the vote. */
  readonly answer: Times | undefined
  /** Approvals within seconds of being shown the hold. */
  readonly fast: number
  /** Approvals by somebody who was never shown it here. */
  readonly unseen: number
  readonly canaries: { readonly approved: number; readonly rejected: number }
  readonly warnings: readonly LoadWarning[]
}

export type RepeatedApproval = {
  readonly agent: string
  readonly action: string
  readonly rules: readonly string[]
  readonly approved: number
  readonly expired: number
  /** The largest that was approved. `mixed`: several currencies, or only some had an amount. */
  readonly amountMax: Money | 'none' | 'mixed'
  /** Of the newest. */
  readonly pactId: string
}

export type HoldLoad = {
  readonly approved: number
  readonly rejected: number
  readonly expired: number
  /** Of holds that somebody answered: from opening to decision. */
  readonly answer: Times | undefined
  readonly people: readonly PersonLoad[]
  readonly repeated: readonly RepeatedApproval[]
}

/** Nobody reads a card, its reasons and its arguments in less. */
export const fastMs = 5_000
/** Of the approvals that followed a look, how many fast ones are a habit: this share, and so many. */
const fastPercentMin = 50
const fastCountMin = 5
/** Of so many votes not one was a no. */
export const alwaysVotesMin = 20
export const repeatedMin = 10

export function measureLoad(seen: {
  readonly holds: readonly DecidedHold[]
  readonly votes: readonly CastVote[]
}): HoldLoad {
  const { holds, votes } = seen
  const count = (end: HoldEnd): number => holds.filter((hold) => hold.end === end).length
  const answered = holds.filter((hold) => hold.end !== 'expired')
  return {
    approved: count('approved'),
    rejected: count('rejected'),
    expired: count('expired'),
    answer: timesOf(answered.map((hold) => hold.decidedAtMs - hold.openedAtMs)),
    people: [...Map.groupBy(votes, (vote) => vote.operator)]
      .map(([operator, cast]) => measurePerson(operator, cast))
      .toSorted((one, other) => (one.operator < other.operator ? -1 : 1)),
    repeated: findRepeated(holds),
  }
}

function measurePerson(operator: string, cast: readonly CastVote[]): PersonLoad {
  const real = cast.filter((vote) => !vote.isCanary)
  const planted = cast.filter((vote) => vote.isCanary)
  const approvals = real.filter((vote) => vote.vote === 'approve')
  const seen = approvals.filter((vote) => vote.viewedAtMs !== undefined)
  const fast = seen.filter((vote) => vote.castAtMs - (vote.viewedAtMs ?? 0) < fastMs).length
  const canariesApproved = planted.filter((vote) => vote.vote === 'approve').length
  const warnings: LoadWarning[] = []
  if (fast >= fastCountMin && fast * 100 >= fastPercentMin * seen.length) warnings.push('fast')
  if (real.length >= alwaysVotesMin && approvals.length === real.length) warnings.push('always')
  if (canariesApproved > 0) warnings.push('canary')
  return {
    operator,
    approved: approvals.length,
    rejected: real.length - approvals.length,
    approvedPercent: real.length === 0 ? 0 : Math.floor((approvals.length * 100) / real.length),
    answer: timesOf(real.map((vote) => vote.castAtMs - vote.openedAtMs)),
    fast,
    unseen: approvals.length - seen.length,
    canaries: { approved: canariesApproved, rejected: planted.length - canariesApproved },
    warnings,
  }
}

/** Questions that got the same answer each time: same agent, same action, same rules. */
function findRepeated(holds: readonly DecidedHold[]): RepeatedApproval[] {
  const patterns = Map.groupBy(holds, (hold) =>
    JSON.stringify([hold.agent, hold.action, hold.rules]),
  )
  return [...patterns.values()]
    .filter((alike) => alike.every((hold) => hold.end !== 'rejected'))
    .flatMap((alike) => {
      const approved = alike.filter((hold) => hold.end === 'approved')
      const last = approved.reduce<DecidedHold | undefined>(
        (newest, hold) => (newest && newest.decidedAtMs >= hold.decidedAtMs ? newest : hold),
        undefined,
      )
      if (last === undefined || approved.length < repeatedMin) return []
      const { agent, action, rules, pactId } = last
      const expired = alike.length - approved.length
      const amountMax = largest(approved)
      return [{ agent, action, rules, approved: approved.length, expired, amountMax, pactId }]
    })
    .toSorted((one, other) => other.approved - one.approved)
}

function largest(holds: readonly DecidedHold[]): RepeatedApproval['amountMax'] {
  const amounts = holds.flatMap((hold) => hold.amount ?? [])
  const [first, ...rest] = amounts
  if (first === undefined) return 'none'
  const isAlike = rest.every((amount) => amount.currency === first.currency)
  if (!isAlike || amounts.length < holds.length) return 'mixed'
  return rest.reduce((most, amount) => (amount.minor > most.minor ? amount : most), first)
}

/** Nearest rank. A clock that was set back gives no time below zero. */
function timesOf(durationsMs: readonly number[]): Times | undefined {
  if (durationsMs.length === 0) return undefined
  const sorted = durationsMs.map((ms) => Math.max(ms, 0)).toSorted((one, other) => one - other)
  const rank = (percent: number): number =>
    sorted[Math.ceil((percent * sorted.length) / 100) - 1] ?? 0
  return { p50Ms: rank(50), p90Ms: rank(90) }
}
