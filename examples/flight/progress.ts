// What a flight prints while it is under way: a line for everything that happens and, on a
// terminal, a last line that says what is being waited for.
import { styleText } from 'node:util'
import type { AgentEvent, ToolOutcome } from './agent.ts'

type Style = Parameters<typeof styleText>[0]

const styles: Readonly<Record<ToolOutcome['kind'], Style>> = {
  done: 'green',
  repeated: 'cyan',
  held: 'yellow',
  denied: 'red',
  failed: 'red',
}

const LABEL_CHARS = 9
const COLUMNS_DEFAULT = 100
const LINE_CHARS_MAX = 160

export type Progress = {
  note(text: string): void
  session(text: string): void
  customer(text: string): void
  operator(text: string): void
  agent(event: AgentEvent): void
  /** Takes the waiting line away. */
  end(): void
}

export function showProgress(stream: NodeJS.WriteStream): Progress {
  const isTerminal = stream.isTTY
  let isWaiting = false
  const style = (format: Style, text: string) =>
    isTerminal ? styleText(format, text, { stream }) : text
  const clear = () => {
    if (isWaiting) stream.write('\r\u001B[2K')
    isWaiting = false
  }
  const line = (text: string) => {
    clear()
    stream.write(`${text}\n`)
  }
  const wait = (text: string) => {
    if (!isTerminal) return
    clear()
    isWaiting = true
    stream.write(style('dim', `  ${text} ...`))
  }
  const row = (label: string, text: string, format?: Style) => {
    // A terminal that does not know its width says 0.
    const columns = stream.columns > 0 ? stream.columns : COLUMNS_DEFAULT
    const room = Math.min(isTerminal ? columns : COLUMNS_DEFAULT, LINE_CHARS_MAX) - LABEL_CHARS - 4
    const shown = shorten(cleanText(text), Math.max(room, 20))
    const styled = format === undefined ? shown : style(format, shown)
    line(`  ${style('dim', label.padEnd(LABEL_CHARS))} ${styled}`)
  }
  return {
    note: (text) => line(cleanText(text)),
    session: (text) => line(`\n${style('bold', cleanText(text))}`),
    customer: (text) => {
      row('customer', text)
      wait('the model is asked')
    },
    // Whole: a command may be copied from here.
    operator: (text) =>
      line(`  ${style('dim', 'operator'.padEnd(LABEL_CHARS))} ${style('cyan', cleanText(text))}`),
    agent: (event) => {
      if (event.kind === 'reply') row('agent', event.text)
      if (event.kind === 'stopped') row('stopped', `${event.code}: ${event.message}`, 'red')
      if (event.kind === 'tool') {
        const { name, outcome } = event
        row('tool', `${name}: ${told(outcome)}`, styles[outcome.kind])
      }
      if (event.kind === 'model') wait('a tool is called')
      if (event.kind === 'tool') wait('the model is asked')
    },
    end: clear,
  }
}

function told(outcome: ToolOutcome): string {
  if (outcome.kind === 'done') return 'allowed, done'
  if (outcome.kind === 'repeated') return `the stored result of call ${outcome.repeatOf}`
  if (outcome.kind === 'denied') return `denied, ${outcome.message} (${outcome.code})`
  return `${outcome.kind}, ${outcome.message}`
}

function shorten(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 3)}...`
}

/** Words of models and tools must not move the cursor or colour a terminal. */
function cleanText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g, ' ')
}
