// What the manifest's schema is made of: names, texts, numbers. Each leaf's error text is the phrase
// that follows "expected".
import { z } from 'zod'

export const NAME_MAX = 64
const TEXT_MAX = 2000
const LIST_MAX = 500
const TIMEOUT_MS_MAX = 3_600_000

export function matching(pattern: RegExp, expected: string, max = 128) {
  return z
    .string({ error: expected })
    .max(max, { error: `at most ${max} characters` })
    .regex(pattern, { error: expected })
}

export function text(expected: string, max = TEXT_MAX) {
  return z
    .string({ error: expected })
    .min(1, { error: expected })
    .max(max, { error: `${expected} of at most ${max} characters` })
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `an integer >= ${min}` : `an integer from ${min} to ${max}`
  return z.int({ error: expected }).min(min, { error: expected }).max(max, { error: expected })
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: values.join(' or ') })
}

export function list<Item extends z.ZodType>(item: Item, expected: string) {
  return z
    .array(item, { error: expected })
    .max(LIST_MAX, { error: `${expected} of at most ${LIST_MAX} items` })
}

export function map<Key extends z.ZodString, Value extends z.ZodType>(
  key: Key,
  value: Value,
  expected: string,
) {
  return z.record(key, value, { error: expected })
}

export function object<Shape extends z.ZodRawShape>(shape: Shape, expected: string) {
  // `error` also covers unknown keys; those are named one by one when problems are made.
  return z.strictObject(shape, { error: expected })
}

export const name = matching(
  /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  'a name of letters, digits, "-", "_" and "."',
  NAME_MAX,
)
export const ruleId = matching(
  /^[a-z0-9][a-z0-9._-]*$/,
  'a rule id of small letters, digits, "-", "_" and "."',
  NAME_MAX,
)
export const modelName = matching(/^[\x21-\x7e]+$/, 'a model name without spaces')
export const serverName = matching(
  /^[A-Za-z0-9][A-Za-z0-9_-]*$/,
  'a server name of letters, digits, "-" and "_"',
  NAME_MAX,
)
export const bareTool = matching(/^[A-Za-z0-9_.-]+$/, 'the name of a tool of the same server')
export const qualifiedTool = matching(
  /^[A-Za-z0-9][A-Za-z0-9_-]*\/[A-Za-z0-9_.-]+$/,
  'a tool as server/tool',
  193,
)
export const environmentName = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  'the name of an environment variable of the server',
)
export const httpUrl = matching(/^https?:\/\/[^\s]+$/, 'an http:// or https:// URL', TEXT_MAX)
export const decimal = matching(/^[0-9]+(\.[0-9]+)?$/, 'a decimal string such as "0.40"', 32)
export const usd = matching(
  /^[0-9]+(\.[0-9]{1,9})?$/,
  'US dollars as a decimal string such as "2.50"',
  32,
)
export const timeoutMs = integer(1, TIMEOUT_MS_MAX)

export const plainText = z
  .string({ error: 'a string' })
  .max(TEXT_MAX, { error: `at most ${TEXT_MAX} characters` })
