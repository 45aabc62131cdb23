// How `airworthy pact explain` prints a decision.
import type { ExplainedDecision, ExplainedRule } from '@airworthy/sdk'
import { cleanText, printFields, printLine, shortTime } from './terminal.ts'

const valueCharactersMax = 60

/** The decision, then every rule about the tool: the decisive ones first. */
export function printExplained(explained: ExplainedDecision): void {
  const { recorded, again, agrees } = explained
  printFields({
    call: explained.call,
    session: explained.session,
    action: `${explained.kind} ${explained.action}`,
    at: shortTime(explained.at),
    pact: explained.pactId,
    decision: `${recorded.verdict}${recorded.code === null ? '' : ` ${recorded.code}`}${
      recorded.enforced ? '' : ' (observed, not enforced)'
    }`,
    'decided again': againText(again, agrees),
    facts:
      explained.facts === 'recorded' ? 'as recorded with the call' : 'rebuilt from the session',
  })
  printLine()
  for (const { rule, verdict, reason, error } of recorded.reasons) {
    const why = [reason, error].filter((part) => part !== undefined && part !== '').join(': ')
    printLine(cleanText(`recorded  ${verdict.padEnd(5)}  ${rule}  ${why}`))
  }
  const ordered = explained.rules.toSorted((a, b) => Number(b.isDecisive) - Number(a.isDecisive))
  for (const rule of ordered) printRule(rule)
  for (const note of explained.notes) printLine(cleanText(`note: ${note}`))
}

function againText(again: ExplainedDecision['again'], agrees: boolean | null): string {
  if (again === null) return 'not possible'
  const text = `${again.verdict}${again.code === null ? '' : ` ${again.code}`}`
  if (agrees === null) return text
  return `${text}, ${agrees ? 'the same' : 'NOT the same'}`
}

function printRule(rule: ExplainedRule): void {
  const mark = rule.isDecisive ? '*' : ' '
  printLine()
  printLine(cleanText(`${mark} ${rule.rule} (${rule.effect}): ${rule.said}`))
  if (rule.when !== null) printLine(cleanText(`    when   ${rule.when}`))
  if (rule.error !== null) printLine(cleanText(`    error  ${rule.error}`))
  for (const { name, value, isMissing, source } of rule.reads) {
    const shown = isMissing ? 'missing' : shorten(JSON.stringify(value) ?? 'missing')
    printLine(cleanText(`    ${name} = ${shown}  (${source})`))
  }
}

function shorten(text: string): string {
  return text.length <= valueCharactersMax ? text : `${text.slice(0, valueCharactersMax - 3)}...`
}
