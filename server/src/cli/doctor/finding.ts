export type Finding = {
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly found: string
  /** How to mend it; null when there is nothing to mend. */
  readonly fix: string | null
}

export function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found, fix: null }
}

export function warn(check: string, { found, fix }: { found: string; fix: string }): Finding {
  return { check, state: 'warn', found, fix }
}

export function fail(check: string, { found, fix }: { found: string; fix: string }): Finding {
  return { check, state: 'fail', found, fix }
}

/** Clocks this far apart make expiries and the log's times misleading. */
const skewWarnMs = 1_000
const skewFailMs = 30_000

export function clockFinding(skewMs: number): Finding {
  const found = `the database's clock differs by ${Math.round(Math.abs(skewMs))} ms`
  const fix = "Keep both machines on NTP: times in the log are the database's."
  if (Math.abs(skewMs) >= skewFailMs) return fail('clock', { found, fix })
  return Math.abs(skewMs) >= skewWarnMs ? warn('clock', { found, fix }) : ok('clock', found)
}

type LogFindings = {
  readonly size: string
  readonly gaps: number
  readonly agentGaps: number
  readonly brokenLinks: number
  readonly entriesChecked: number
  readonly callsWithoutOutcome: number
}

export function logFindings(log: LogFindings, isRunning: boolean): Finding[] {
  const { gaps, agentGaps, brokenLinks, callsWithoutOutcome } = log
  const faults = gaps + agentGaps + brokenLinks
  const entries = `${log.size} entries`
  const chain: Finding =
    faults === 0
      ? ok('log', `${entries}, no gaps, every link holds (${log.entriesChecked} read)`)
      : fail('log', {
          found: `${entries}: ${gaps} gaps, ${agentGaps} agent gaps, ${brokenLinks} broken links`,
          fix: 'Somebody changed the log: keep a copy of the database, and compare it with backups.',
        })
  const open = `${callsWithoutOutcome} calls without an outcome`
  if (callsWithoutOutcome === 0 || isRunning) return [chain, ok('calls', open)]
  const fix = 'The next start of the server settles them.'
  return [chain, warn('calls', { found: open, fix })]
}

/** What people were not told lately. Of channels that were removed nothing is to be mended. */
export function channelsFinding(
  channels: readonly { readonly name: string; readonly deadLately: number }[],
): Finding {
  if (channels.length === 0)
    return ok('channels', 'none: people look themselves what waits for them')
  const failing = channels.filter(({ deadLately }) => deadLately > 0)
  if (failing.length === 0)
    return ok('channels', 'every message of the last 7 days came, or is tried')
  const counts = failing.map(({ name, deadLately }) => `${deadLately} of ${name}`).join(', ')
  return warn('channels', {
    found: `messages of the last 7 days that nobody got: ${counts}`,
    fix: 'airworthy channel deliveries --state dead says why; channel test, then channel retry',
  })
}

export function effectsFinding(count: number): Finding {
  if (count === 0) return ok('effects', 'no effect whose outcome is unknown')
  return warn('effects', {
    found: `${count} effects whose outcome is unknown`,
    fix: 'airworthy effect list --unknown, find out, then airworthy effect resolve',
  })
}
