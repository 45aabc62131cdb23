// Statements that go to the database together: one write, one answer, and one transaction, because
// the protocol commits what lies before a Sync (PostgreSQL, "Extended Query", "Pipelining").
import type { Client, Connection, Submittable } from 'pg'

/** Prepared at its first use on a connection, under its name. */
export type Statement = { readonly name: string; readonly text: string }

/** Text format; a Buffer goes in binary format. */
export type Value = string | Buffer | null

export type Bound = { readonly statement: Statement; readonly values: readonly Value[] }

export type Row = readonly (string | null)[]

export type Sent = {
  /** The first statement's first row, before the rest is done and committed. */
  readonly first: Promise<Row | undefined>
  /** The rows of all statements, once they are done; outside an open transaction, durable. */
  readonly done: Promise<readonly Row[]>
}

/** A value in the text format; lists become array literals, `undefined` becomes NULL. */
export function asValue(value: unknown): Value {
  if (value === undefined || value === null) return null
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return `{${value.map(asElement).join(',')}}`
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value)
  }
  throw new TypeError(`a statement cannot carry a ${typeof value}`)
}

function asElement(value: unknown): string {
  const text = Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : asValue(value)
  if (text === null || Buffer.isBuffer(text)) return 'NULL'
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** Names under which a connection has, or was asked to have, each statement. */
const prepared = new WeakMap<Client, Map<Statement, string>>()
let renamed = 0

/** Sends the statements. Rejects with the database's error: then none of them took effect. */
export function sendStatements(client: Client, bounds: readonly Bound[]): Sent {
  let names = prepared.get(client)
  if (names === undefined) {
    names = new Map()
    prepared.set(client, names)
  }
  const pipeline = new Pipeline(bounds, names)
  client.query(pipeline)
  return { first: pipeline.first.promise, done: pipeline.done.promise }
}

class Pipeline implements Submittable {
  readonly first = Promise.withResolvers<Row | undefined>()
  readonly done = Promise.withResolvers<readonly Row[]>()
  /** Read by `pg`, which would set one of its own otherwise. */
  readonly callback = (): void => undefined
  readonly #bounds: readonly Bound[]
  readonly #names: Map<Statement, string>
  readonly #rows: Row[] = []
  #failure: Error | undefined

  constructor(bounds: readonly Bound[], names: Map<Statement, string>) {
    this.#bounds = bounds
    this.#names = names
    // Whoever waits for one of the two need not wait for the other.
    this.first.promise.catch(() => undefined)
    this.done.promise.catch(() => undefined)
  }

  submit(connection: Connection): void {
    connection.stream.cork()
    try {
      let isFirst = true
      for (const { statement, values } of this.#bounds) {
        let name = this.#names.get(statement)
        if (name === undefined) {
          name = renamed === 0 ? statement.name : `${statement.name}-${renamed}`
          connection.parse({ name, text: statement.text, types: [] }, true)
          this.#names.set(statement, name)
        }
        connection.bind({ statement: name, values: [...values] }, true)
        connection.execute({}, true)
        if (isFirst && this.#bounds.length > 1) connection.flush()
        isFirst = false
      }
      connection.sync()
    } finally {
      connection.stream.uncork()
    }
  }

  handleDataRow(message: { fields: Row }): void {
    this.#rows.push(message.fields)
    if (this.#rows.length === 1) this.first.resolve(message.fields)
  }

  handleRowDescription(): void {
    // Nobody asks for one.
  }

  handleCommandComplete(): void {
    if (this.#rows.length === 0) this.first.resolve(undefined)
  }

  handleParseComplete(): void {
    // The name was noted when it was sent.
  }

  handleEmptyQuery(): void {
    // No statement is empty.
  }

  handlePortalSuspended(): void {
    // No statement is asked for a part of its rows.
  }

  handleError(error: Error): void {
    this.#failure ??= error
    // What came behind the error was skipped: nobody knows which of them were prepared.
    renamed += 1
    this.#names.clear()
    this.first.reject(error)
    this.done.reject(error)
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.done.resolve(this.#rows)
  }
}
