// Exact JSON in, canonical JSON (RFC 8785) and hashes out. A number that a double cannot hold is
// refused rather than rounded, because a rule must judge the very number that the tool will get.
import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { AirworthyError } from './errors.ts'

export type ExactJson =
  | { readonly kind: 'ok'; readonly value: unknown }
  | {
      readonly kind: 'invalid'
      readonly code: 'request.invalid_json' | 'request.number_unsafe'
      readonly message: string
      readonly path?: string
    }

const DEPTH_MAX = 200
/** Every decimal of at most 15 significant digits survives the way through a double. */
const SAFE_NUMBER_LENGTH = 15

/**
 * Parses JSON and refuses what would not mean the same to every reader: numbers that a double does
 * not hold exactly, an object with a key twice, lone surrogates, nesting beyond 200 levels.
 */
export function parseExactJson(text: string): ExactJson {
  if (!text.isWellFormed()) return invalid('the text holds a lone surrogate')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return invalid(error instanceof Error ? error.message : 'not JSON')
  }
  const scan = scanTokens(text)
  if (scan.depth > DEPTH_MAX) return invalid(`nested deeper than ${DEPTH_MAX} levels`)
  if (scan.isSuspect || scan.keys !== countKeys(value)) {
    const fault = findFault(text)
    if (fault !== undefined) return fault
  }
  return { kind: 'ok', value }
}

/** Whether an object of valid JSON has a key twice; `value` is what the text was parsed to. */
export function hasKeyTwice(text: string, value: unknown): boolean {
  return scanTokens(text).keys !== countKeys(value)
}

function invalid(message: string): ExactJson & { kind: 'invalid' } {
  return { kind: 'invalid', code: 'request.invalid_json', message }
}

type Scan = { keys: number; depth: number; isSuspect: boolean }

/**
 * One pass over valid JSON: counts keys and depth and tells whether a closer look is due (a long
 * number, an exponent, an escaped surrogate). It spares nearly every body the slow look, and a
 * reviver.
 */
function scanTokens(text: string): Scan {
  const scan: Scan = { keys: 0, depth: 0, isSuspect: false }
  let depth = 0
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 0x22) {
      const end = stringEnd(text, at)
      if (!scan.isSuspect && hasSurrogateEscape(text, at, end)) scan.isSuspect = true
      at = end
      continue
    }
    if (code === 0x3a) scan.keys += 1
    else if (code === 0x7b || code === 0x5b) scan.depth = Math.max(scan.depth, ++depth)
    else if (code === 0x7d || code === 0x5d) depth -= 1
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = numberEnd(text, at)
      if (end - at > SAFE_NUMBER_LENGTH || hasExponent(text, at, end)) scan.isSuspect = true
      at = end
      continue
    }
    at += 1
  }
  return scan
}

/** The index after the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1) {
    let slashes = 0
    while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes += 1
    if (slashes % 2 === 0) return quote + 1
    quote = text.indexOf('"', quote + 1)
  }
  return text.length
}

function hasSurrogateEscape(text: string, start: number, end: number): boolean {
  let slash = text.indexOf('\\', start)
  while (slash !== -1 && slash < end) {
    if (text[slash + 1] === 'u' && (text[slash + 2] === 'd' || text[slash + 2] === 'D')) return true
    slash = text.indexOf('\\', slash + 2)
  }
  return false
}

function numberEnd(text: string, start: number): number {
  let end = start + 1
  while (end < text.length && '0123456789+-.eE'.includes(text.charAt(end))) end += 1
  return end
}

function hasExponent(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at) | 0x20
    if (code === 0x65) return true
  }
  return false
}

type Level = { readonly keys: Set<string> | undefined; key: string; index: number }

/**
 * The slow look at valid JSON, which names the place: inexact numbers, keys twice, lone surrogates.
 */
function findFault(text: string): ExactJson | undefined {
  const levels: Level[] = []
  let at = 0
  while (at < text.length) {
    const character = text.charAt(at)
    const level = levels.at(-1)
    if (character === '"') {
      const end = stringEnd(text, at)
      const fault = checkString(levels, String(JSON.parse(text.slice(at, end))), isKey(text, end))
      if (fault !== undefined) return fault
      at = end
      continue
    }
    if (character === '{') levels.push({ keys: new Set(), key: '', index: 0 })
    else if (character === '[') levels.push({ keys: undefined, key: '', index: 0 })
    else if (character === '}' || character === ']') levels.pop()
    else if (character === ',' && level !== undefined) level.index += 1
    else if (character === '-' || (character >= '0' && character <= '9')) {
      const end = numberEnd(text, at)
      const source = text.slice(at, end)
      if (!isExactNumber(source)) return inexact(source, pathOf(levels))
      at = end
      continue
    }
    at += 1
  }
  return undefined
}

function inexact(source: string, path: string): ExactJson {
  const message = `the number ${clip(source)} cannot be represented exactly`
  return { kind: 'invalid', code: 'request.number_unsafe', message, path }
}

/** In valid JSON a string followed by a colon is a key, and nothing else is. */
function isKey(text: string, end: number): boolean {
  let at = end
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at += 1
  return text.charAt(at) === ':'
}

function checkString(levels: readonly Level[], value: string, key: boolean): ExactJson | undefined {
  const level = levels.at(-1)
  const isTwice = key && level?.keys?.has(value) === true
  if (key && level !== undefined) {
    level.keys?.add(value)
    level.key = value
  }
  const path = pathOf(levels)
  if (isTwice) return { ...invalid(`the key ${clip(JSON.stringify(value))} occurs twice`), path }
  if (!value.isWellFormed()) return { ...invalid('a string holds a lone surrogate'), path }
  return undefined
}

function pathOf(levels: readonly Level[]): string {
  const steps = levels.map((level) =>
    level.keys === undefined ? `[${level.index}]` : `.${level.key}`,
  )
  return clip(steps.join('').replace(/^\./, ''))
}

function clip(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}

/** Whether the shortest decimal of the double is the decimal that was written. */
function isExactNumber(source: string): boolean {
  const value = Number(source)
  return Number.isFinite(value) && normalDecimal(source) === normalDecimal(String(value))
}

/**
 * `digits` times ten to the `exponent`, without leading or trailing zeros: equal numbers, equal
 * texts.
 */
function normalDecimal(source: string): string {
  const [mantissa = '', exponentText = '0'] = source.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const trimmed = trimZeros(digits)
  if (trimmed === '') return '0'
  const exponent = BigInt(exponentText.replace('+', '')) - BigInt(fraction.length)
  const sign = mantissa.startsWith('-') ? '-' : ''
  return `${sign}${trimmed}e${exponent + BigInt(digits.length - trimmed.length)}`
}

/** A loop, because /0+$/ is quadratic on a long run of zeros. */
function trimZeros(digits: string): string {
  let end = digits.length
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end -= 1
  return digits.slice(0, end)
}

/**
 * Own keys of all objects in a parsed value; fewer than the text has means that a key came twice.
 */
function countKeys(value: unknown): number {
  let count = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    const children: unknown[] = Array.isArray(next) ? next : Object.values(next)
    if (!Array.isArray(next)) count += children.length
    for (const child of children) if (typeof child === 'object' && child !== null) open.push(child)
  }
  return count
}

/** The canonical text of a JSON value (RFC 8785). Throws on what JSON cannot say. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new AirworthyError('internal.unexpected', 'Not a JSON value')
  return text
}

/** SHA-256 as lower-case hexadecimal; a string is hashed as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex')
}

/** SHA-256 as bytes; a string is hashed as UTF-8. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return hash('sha256', data, 'buffer')
}
