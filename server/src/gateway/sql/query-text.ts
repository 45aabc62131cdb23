// What a text of SQL can call and name, over-stated: read without telling code from strings, so that
// no trick with quotes can hide a call. PostgreSQL decides what the names mean.
import { endOfComment, namesIn } from '../../core/pact/sql-placeholders.ts'

export type QueryNames = {
  /** Everything that stands before an opening parenthesis, as PostgreSQL folds it. */
  readonly called: readonly string[]
  /** Everything outside strings and comments that may be a name. */
  readonly named: readonly string[]
  /** What is refused for itself; undefined when there is nothing. */
  readonly refused: string | undefined
}

const nameMax = 200
const namesMax = 2000
/** Each may be walked once for what stands before it, to the end of the text. */
const commentsMax = 200
const word = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/g

/** Types that look a name up in the catalogue. */
const catalogueTypes =
  /reg(?:class|proc|oper|type|role|namespace|config|dictionary|collation|database)/i

/** Reads the text once for words and once for quoted names. */
export function readQueryNames(sql: string): QueryNames {
  const called = new Set<string>()
  if ((sql.match(/\/\*|--/g)?.length ?? 0) > commentsMax) {
    return { called: [], named: [], refused: `more than ${commentsMax} comments` }
  }
  for (const found of sql.matchAll(word)) {
    if (isCalled(sql, found.index + found[0].length)) called.add(foldName(found[0]))
  }
  for (let at = sql.indexOf('"'); at !== -1; at = sql.indexOf('"', at + 1)) {
    // Any quote may be the one that opens the name: the text before it is not understood.
    const closing = closingQuote(sql, at)
    if (closing !== undefined && isCalled(sql, closing + 1)) {
      called.add(sql.slice(at + 1, closing).replaceAll('""', '"'))
    }
  }
  return { called: [...called], named: namesIn(sql), refused: refusedIn(sql, called) }
}

function refusedIn(sql: string, called: ReadonlySet<string>): string | undefined {
  if (sql.includes('\0')) return 'a NUL character'
  if (/u&"/i.test(sql)) return 'names with Unicode escapes (U&"…")'
  if (catalogueTypes.test(sql)) return 'types that read the catalogue, such as regclass'
  // TREAT(x AS f) calls the function f without naming it before a parenthesis.
  if (called.has('treat')) return 'TREAT'
  if (called.size > namesMax) return `more than ${namesMax} different names`
  return undefined
}

/** Only ASCII is folded: other letters are folded in no encoding that clients speak. */
function foldName(name: string): string {
  return name.slice(0, nameMax).replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function closingQuote(sql: string, opening: number): number | undefined {
  let at = opening + 1
  while (at < sql.length && at - opening <= nameMax) {
    if (sql[at] !== '"') at += 1
    else if (sql[at + 1] === '"') at += 2
    else return at
  }
  return undefined
}

/** Whether a parenthesis follows, after white space and comments. */
function isCalled(sql: string, end: number): boolean {
  let at = end
  for (;;) {
    if (sql.startsWith('/*', at)) at = endOfComment(sql, at)
    else if (sql.startsWith('--', at)) at = endOfLine(sql, at)
    else if (at < sql.length && ' \t\n\r\f\v'.includes(sql.charAt(at))) at += 1
    else return sql[at] === '('
  }
}

function endOfLine(sql: string, start: number): number {
  let at = start
  while (at < sql.length && sql[at] !== '\n' && sql[at] !== '\r') at += 1
  return at
}
