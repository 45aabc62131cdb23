// Arithmetic with + - * / and parentheses, by recursive descent: nothing is ever evaluated as code.
import { answer, refuse } from './outcome.ts'
import type { Answer, Refusal } from './outcome.ts'
import { roundToCents } from './money.ts'

const EXPRESSION_CHARS_MAX = 1_000
const TOKEN = /\s*(\d+\.?\d*|\.\d+|[-+*/()])/y

export function calculate(input: { expression: string }): Answer | Refusal {
  const tokens = tokenize(input.expression)
  if (tokens === undefined) return refuse('only numbers, + - * / and parentheses can be calculated')
  const parser = { tokens, position: 0 }
  const value = parseSum(parser)
  if (value === undefined || parser.position !== tokens.length)
    return refuse('this is not a complete expression')
  if (!Number.isFinite(value)) return refuse('the expression has no finite value')
  const rounded = roundToCents(value)
  return answer(Number.isInteger(rounded) ? rounded.toFixed(1) : String(rounded))
}

type Parser = { tokens: string[]; position: number }

function tokenize(expression: string): string[] | undefined {
  const text = expression.trim()
  if (text.length === 0 || text.length > EXPRESSION_CHARS_MAX) return undefined
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text)?.[1]
    if (token === undefined) return undefined
    tokens.push(token)
  }
  return tokens
}

function takeOne(parser: Parser, symbols: string[]): string | undefined {
  const token = parser.tokens[parser.position]
  if (token === undefined || !symbols.includes(token)) return undefined
  parser.position += 1
  return token
}

function parseSum(parser: Parser): number | undefined {
  let sum = parseProduct(parser)
  for (;;) {
    const operator = takeOne(parser, ['+', '-'])
    if (operator === undefined || sum === undefined) return sum
    const next = parseProduct(parser)
    if (next === undefined) return undefined
    sum = operator === '+' ? sum + next : sum - next
  }
}

function parseProduct(parser: Parser): number | undefined {
  let product = parseSigned(parser)
  for (;;) {
    const operator = takeOne(parser, ['*', '/'])
    if (operator === undefined || product === undefined) return product
    const next = parseSigned(parser)
    if (next === undefined) return undefined
    product = operator === '*' ? product * next : product / next
  }
}

function parseSigned(parser: Parser): number | undefined {
  const sign = takeOne(parser, ['+', '-'])
  if (sign !== undefined) {
    const value = parseSigned(parser)
    if (value === undefined) return undefined
    return sign === '-' ? -value : value
  }
  if (takeOne(parser, ['(']) !== undefined) {
    const value = parseSum(parser)
    return takeOne(parser, [')']) === undefined ? undefined : value
  }
  const token = parser.tokens[parser.position]
  if (token === undefined || !/^[\d.]/.test(token)) return undefined
  parser.position += 1
  return Number(token)
}
