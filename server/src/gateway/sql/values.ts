// From PostgreSQL's texts to JSON values without loss, and from arguments to PostgreSQL's texts.
import type { FieldDef } from 'pg'
import { canonicalJson, parseExactJson } from '../../core/canonical.ts'
import type { SqlParameter } from '../../core/pact/sql-server-schema.ts'

export type SchemaObject = Readonly<Record<string, unknown>>
export type ResultRow = Readonly<Record<string, unknown>>
type Kind = { readonly schema: SchemaObject; readonly read: (text: string) => unknown }

const textKind: Kind = { schema: { type: 'string' }, read: (text) => text }

/** What a double holds exactly is a number; beyond that the decimal text, so that no digit is lost. */
const bigintKind: Kind = {
  schema: { type: ['integer', 'string'] },
  read: (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text),
}
const integerKind: Kind = { schema: { type: 'integer' }, read: Number }
const floatKind: Kind = {
  schema: { type: ['number', 'string'] },
  read: (text) => (Number.isFinite(Number(text)) ? Number(text) : text),
}
const timestampKind: Kind = { ...textKind, read: (text) => text.replace(' ', 'T') }
const instantKind: Kind = {
  ...textKind,
  read: (text) => text.replace(' ', 'T').replace(/\+00$/, 'Z'),
}
const jsonKind: Kind = {
  schema: {},
  read: (text) => {
    const parsed = parseExactJson(text)
    return parsed.kind === 'ok' ? parsed.value : text
  },
}
const bytesKind: Kind = {
  schema: { type: 'string', contentEncoding: 'base64' },
  read: (text) => Buffer.from(text.slice(2), 'hex').toString('base64'),
}
const booleanKind: Kind = { schema: { type: 'boolean' }, read: (text) => text === 't' }

/** By the object ids that PostgreSQL has fixed for its own types; what is not here is text. */
const kinds = new Map<number, Kind>([
  [16, booleanKind],
  [17, bytesKind],
  [20, bigintKind],
  [21, integerKind],
  [23, integerKind],
  [26, bigintKind],
  [114, jsonKind],
  [700, floatKind],
  [701, floatKind],
  [1114, timestampKind],
  [1184, instantKind],
  [3802, jsonKind],
])
const elementOf = new Map<number, number>([
  [1000, 16],
  [1001, 17],
  [1005, 21],
  [1007, 23],
  [1009, 25],
  [1014, 25],
  [1015, 25],
  [1016, 20],
  [1021, 700],
  [1022, 701],
  [1115, 1114],
  [1182, 25],
  [1185, 1184],
  [1231, 25],
  [199, 114],
  [2951, 25],
  [3807, 3802],
])

function kindOf(field: FieldDef): Kind {
  const element = elementOf.get(field.dataTypeID)
  if (element === undefined) return kinds.get(field.dataTypeID) ?? textKind
  const { read } = kinds.get(element) ?? textKind
  return { schema: { type: 'array' }, read: (text) => readArray(text, read) }
}

/** `{a,"b c",NULL,{…}}`; a text of another form (with bounds of its own) stays a list of that text. */
function readArray(text: string, read: (text: string) => unknown): unknown[] {
  if (!text.startsWith('{')) return [text]
  const root: unknown[] = []
  const open: unknown[][] = [root]
  const token = /[{},]|"((?:[^"\\]|\\[^])*)"|([^{},"]+)/g
  token.lastIndex = 1
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    const [whole, quoted, plain] = found
    const level = open.at(-1) ?? root
    if (whole === '{') {
      const inner: unknown[] = []
      level.push(inner)
      open.push(inner)
    } else if (whole === '}') open.pop()
    else if (quoted !== undefined) level.push(read(quoted.replaceAll(/\\([^])/g, '$1')))
    else if (plain !== undefined) level.push(plain === 'NULL' ? null : read(plain))
  }
  return root
}

/** Columns with names of their own: a name that comes twice gets a number. */
export function columnNames(fields: readonly FieldDef[]): string[] {
  const taken = new Set<string>()
  return fields.map(({ name }) => {
    let unique = name
    for (let count = 2; taken.has(unique); count += 1) unique = `${name}_${count}`
    taken.add(unique)
    return unique
  })
}

export function rowReader(
  fields: readonly FieldDef[],
): (row: readonly (string | null)[]) => ResultRow {
  const names = columnNames(fields)
  const columnKinds = fields.map(kindOf)
  return (row) =>
    Object.fromEntries(
      names.map((name, index) => {
        const text = row[index] ?? null
        return [name, text === null ? null : (columnKinds[index] ?? textKind).read(text)]
      }),
    )
}

/** The JSON Schema of a result; without fields its rows are objects of any kind. */
export function resultSchema(fields: readonly FieldDef[] | undefined): SchemaObject {
  const items = fields === undefined ? { type: 'object' } : rowSchema(fields)
  return {
    type: 'object',
    properties: {
      rows: { type: 'array', items },
      rowCount: { type: 'integer', minimum: 0 },
      truncated: { type: 'boolean' },
    },
    required: ['rows', 'rowCount', 'truncated'],
  }
}

function rowSchema(fields: readonly FieldDef[]): SchemaObject {
  const names = columnNames(fields)
  const properties = fields.map((field, index) => {
    const { schema } = kindOf(field)
    const { type } = schema
    const nullable = type === undefined ? schema : { ...schema, type: [type, 'null'].flat() }
    return [names[index] ?? field.name, nullable]
  })
  return { type: 'object', properties: Object.fromEntries(properties), required: names }
}

/** The SQL type to which a parameter is cast. */
export const sqlTypes: Readonly<Record<SqlParameter['type'], string>> = {
  text: 'text',
  integer: 'integer',
  bigint: 'bigint',
  numeric: 'numeric',
  boolean: 'boolean',
  date: 'date',
  timestamp: 'timestamptz',
  uuid: 'uuid',
  json: 'jsonb',
}

const decimalPattern = String.raw`^-?[0-9]+(\.[0-9]+)?$`

function parameterSchema(parameter: SqlParameter): SchemaObject {
  const { type, description, maxLength, min, max } = parameter
  const values = parameter.enum
  const told = description === undefined ? {} : { description }
  const bounds = {
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
  }
  switch (type) {
    case 'text':
      return {
        type: 'string',
        ...(maxLength === undefined ? {} : { maxLength }),
        ...(values === undefined ? {} : { enum: values }),
        ...told,
      }
    case 'integer':
      return { type, minimum: -2_147_483_648, maximum: 2_147_483_647, ...bounds, ...told }
    case 'bigint':
      // A text passes no bounds of numbers: where there are bounds, only a number is taken.
      return min === undefined && max === undefined
        ? { type: ['integer', 'string'], pattern: '^-?[0-9]{1,19}$', ...told }
        : { type: 'integer', ...bounds, ...told }
    case 'numeric':
      return min === undefined && max === undefined
        ? { type: ['number', 'string'], pattern: decimalPattern, maxLength: 100, ...told }
        : { type: 'number', ...bounds, ...told }
    case 'boolean':
      return { type, ...told }
    case 'date':
      return { type: 'string', format: 'date', ...told }
    case 'timestamp':
      return { type: 'string', format: 'date-time', ...told }
    case 'uuid':
      return { type: 'string', format: 'uuid', ...told }
    case 'json':
    default:
      return { ...told }
  }
}

export function inputSchema(parameters: Readonly<Record<string, SqlParameter>>): SchemaObject {
  const entries = Object.entries(parameters)
  return {
    type: 'object',
    properties: Object.fromEntries(
      entries.map(([name, parameter]) => [name, parameterSchema(parameter)]),
    ),
    required: entries.flatMap(([name, parameter]) => (parameter.optional ? [] : [name])),
    additionalProperties: false,
  }
}

/** The text of an argument that its schema has accepted; null for one that was left out. */
export function writeValue(value: unknown, parameter: SqlParameter): string | null {
  if (value === undefined || value === null) return null
  if (parameter.type === 'json') return canonicalJson(value)
  return typeof value === 'string' ? value : canonicalJson(value)
}
