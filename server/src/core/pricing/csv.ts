// A reader of CSV as RFC 4180 has it, piece by piece: fields in quotes, doubled quotes within,
// breaks within; CRLF, LF or CR between rows. Bounded: a row that is too long is refused.

export const rowCharactersMax = 1024 * 1024
export const fieldsMax = 1000

export class CsvReader {
  #row: string[] = []
  #field = ''
  #state: 'start' | 'plain' | 'quoted' | 'quoteInQuoted' = 'start'
  #size = 0
  #rows = 0
  #wasCr = false
  #isFirst = true
  readonly #delimiter: string

  constructor(delimiter = ',') {
    this.#delimiter = delimiter
  }

  /** The rows that are complete with this text. Throws a sentence where the text is no CSV. */
  push(text: string): string[][] {
    const rows: string[][] = []
    for (const character of this.#withoutMark(text)) {
      const isBreak = character === '\n' || character === '\r'
      if (this.#state !== 'quoted' && isBreak) {
        // The LF of a CRLF ends no second row.
        if (!(character === '\n' && this.#wasCr)) this.#endRow(rows)
        this.#wasCr = character === '\r'
        continue
      }
      this.#wasCr = false
      this.#take(character)
    }
    return rows
  }

  /** The last row, where no break follows it. */
  finish(): string[][] {
    if (this.#state === 'quoted') throw this.#wrong('a quote is not closed')
    const rows: string[][] = []
    if (this.#row.length > 0 || this.#state !== 'start') this.#endRow(rows)
    return rows
  }

  #withoutMark(text: string): string {
    if (!this.#isFirst || text === '') return text
    this.#isFirst = false
    return text.startsWith('\uFEFF') ? text.slice(1) : text
  }

  #take(character: string): void {
    this.#size += character.length
    if (this.#size > rowCharactersMax) throw this.#wrong('it is too long')
    if (this.#state === 'quoted') {
      if (character === '"') this.#state = 'quoteInQuoted'
      else this.#field += character
      return
    }
    if (character === this.#delimiter) {
      this.#endField()
      return
    }
    if (character === '"') {
      if (this.#state === 'plain') throw this.#wrong('a quote stands within a field without quotes')
      if (this.#state === 'quoteInQuoted') this.#field += '"'
      this.#state = 'quoted'
      return
    }
    if (this.#state === 'quoteInQuoted') throw this.#wrong('text follows a closed quote')
    this.#state = 'plain'
    this.#field += character
  }

  #endField(): void {
    if (this.#row.length >= fieldsMax) throw this.#wrong('it has too many fields')
    this.#row.push(this.#field)
    this.#field = ''
    this.#state = 'start'
  }

  #endRow(rows: string[][]): void {
    const isBlank = this.#row.length === 0 && this.#state === 'start'
    this.#rows += 1
    this.#endField()
    // A blank line is no row of one empty field: exports end with one, or with several.
    if (!isBlank) rows.push(this.#row)
    this.#row = []
    this.#size = 0
  }

  #wrong(what: string): Error {
    return new SyntaxError(`row ${this.#rows + 1} is no CSV: ${what}`)
  }
}

/** A row as RFC 4180 writes it. */
export function writeCsvRow(fields: readonly string[]): string {
  const written = fields.map((field) =>
    /[",\r\n]/.test(field) || field === '' ? `"${field.replaceAll('"', '""')}"` : field,
  )
  return `${written.join(',')}\r\n`
}
