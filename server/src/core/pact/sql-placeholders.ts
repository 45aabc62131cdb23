// Placeholders of a declared statement: `:name`, outside strings, quoted names and comments.

export type SqlPiece =
  | { readonly kind: 'sql'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string }
  /** `$1` as such: the numbers are given here, so one that is written would take another's place. */
  | { readonly kind: 'positional'; readonly text: string }

/** Everything that hides a placeholder, and then the placeholders, at one position of the text. */
const hidden = [
  // The body of E'...' may escape its quotes; so may its continuation after a line's end.
  /[eE]'(?:[^'\\]|\\[^]|'')*'(?:[ \t\f\v]*[\r\n]\s*'(?:[^'\\]|\\[^]|'')*')*/y,
  /'(?:[^']|'')*'/y,
  /"(?:[^"]|"")*"/y,
  /--[^\r\n]*/y,
]
const dollarQuote = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
const word = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
const cast = /::|:=/y
const named = /:([A-Za-z_][A-Za-z0-9_]*)/y
const positional = /\$[0-9]+/y

/** Cuts a statement at its placeholders. The pieces, put together again, are the statement. */
export function splitPlaceholders(sql: string): SqlPiece[] {
  const pieces: SqlPiece[] = []
  let start = 0
  let at = 0
  const cut = (piece: SqlPiece, end: number): void => {
    if (at > start) pieces.push({ kind: 'sql', text: sql.slice(start, at) })
    pieces.push(piece)
    start = end
    at = end
  }
  while (at < sql.length) {
    const end = endOfHidden(sql, at)
    if (end > at) {
      at = end
      continue
    }
    const [name, numbered] = [matchAt(named, sql, at), matchAt(positional, sql, at)]
    if (name !== undefined) cut({ kind: 'parameter', name: name.slice(1) }, at + name.length)
    else if (numbered === undefined) at += 1
    else cut({ kind: 'positional', text: numbered }, at + numbered.length)
  }
  if (at > start) pieces.push({ kind: 'sql', text: sql.slice(start) })
  return pieces
}

/** The end of what holds no placeholder at this position; the position itself when there is none. */
function endOfHidden(sql: string, at: number): number {
  if (sql.startsWith('/*', at)) return endOfComment(sql, at)
  const quote = matchAt(dollarQuote, sql, at)
  if (quote !== undefined) {
    // One that is not closed hides the rest, as in PostgreSQL.
    const closing = sql.indexOf(quote, at + quote.length)
    return closing === -1 ? sql.length : closing + quote.length
  }
  for (const pattern of [...hidden, word, cast]) {
    const found = matchAt(pattern, sql, at)
    if (found !== undefined) return at + found.length
  }
  return at
}

/** Comments nest; one that is not closed goes to the end. */
export function endOfComment(sql: string, start: number): number {
  let depth = 0
  let at = start
  while (at < sql.length) {
    if (sql.startsWith('/*', at)) {
      depth += 1
      at += 2
    } else if (sql.startsWith('*/', at)) {
      depth -= 1
      at += 2
      if (depth === 0) return at
    } else at += 1
  }
  return at
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** The words and quoted names of a statement, outside strings and comments, each once. */
export function namesIn(sql: string): string[] {
  const names = new Set<string>()
  for (let at = 0; at < sql.length;) {
    const end = endOfHidden(sql, at)
    const part = sql.slice(at, end)
    if (part.startsWith('"')) names.add(part.slice(1, -1).replaceAll('""', '"'))
    else if (/^[A-Za-z_\u0080-\uffff][^']*$/.test(part)) names.add(part.toLowerCase())
    at = Math.max(end, at + 1)
  }
  return [...names]
}

/** The names of the placeholders, each once, in the order in which they come. */
export function placeholderNames(sql: string): string[] {
  const names = splitPlaceholders(sql).flatMap((piece) =>
    piece.kind === 'parameter' ? [piece.name] : [],
  )
  return [...new Set(names)]
}

/**
 * The statement with `($1::type)` for each placeholder, and the names in the order of the numbers.
 * `typeOf` answers the SQL type of a parameter.
 */
export function numberPlaceholders(
  sql: string,
  typeOf: (name: string) => string,
): { readonly text: string; readonly names: readonly string[] } {
  const names = placeholderNames(sql)
  const text = splitPlaceholders(sql)
    .map((piece) =>
      piece.kind === 'parameter'
        ? `($${names.indexOf(piece.name) + 1}::${typeOf(piece.name)})`
        : piece.text,
    )
    .join('')
  return { text, names }
}
