// What every client is asked to do, and what must come of it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Entry } from '../../examples/provider/books.ts'
import type { FakeProvider } from '../../examples/provider/server.ts'
import type { ModelApi, Upstream } from './upstreams.ts'

export const features = [
  'chat',
  'stream',
  'tools',
  'parallel tools',
  'structured output',
  'reasoning',
  'abort',
  'error',
  'upstream error',
  'image',
  'document',
  'embeddings',
] as const

export type Feature = (typeof features)[number]

/** One cell: a client of an agent's session, against one upstream. */
export type Ground = {
  /** With the session in its path and without the version: `http://…/s/<key>`. */
  readonly url: string
  readonly apiKey: string
  /** The model's name; `-slow`, `-failing` and `-forbidden` are its variants. */
  readonly model: string
  readonly upstream: Upstream
  readonly provider: FakeProvider
}

/** A feature throws where it does not work. */
export type MatrixClient = {
  readonly name: string
  /** As npm has them: what the row is about. */
  readonly packages: readonly string[]
  readonly api: ModelApi
  readonly features: Partial<Readonly<Record<Feature, (ground: Ground) => Promise<void>>>>
}

export const line = 'The ferry leaves at nine, and comes back when it is dark.'
export const sayLine = `Say exactly: ${line}`
/** The fake thinks first; what it thought must not run into what it says. */
export const thinkAndSay = `Think first.\nSay exactly: ${line}`
export const system = 'You are a fake.'
export const callOne = 'Please call get_weather with {"city":"Oslo"} now.'
export const callTwo =
  'Please call get_weather with {"city":"Oslo"} and call get_weather with {"city":"Rome"} now.'
export const writeMuch = 'Write 3000 tokens'
export const weather = (city: string): string => `sun over ${city}`
export const afterOne = 'The tools answered: sun over Oslo'
export const afterTwo = 'The tools answered: sun over Oslo | sun over Rome'
export const toolName = 'get_weather'
export const toolAbout = 'What the weather is like in a city'
export const citySchema = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
  additionalProperties: false,
}

/** The city that a tool call asks for. */
export function cityOf(input: unknown): string {
  const value: unknown = typeof input === 'string' ? JSON.parse(input) : input
  const city = typeof value === 'object' && value !== null ? Reflect.get(value, 'city') : undefined
  assert.equal(typeof city, 'string', `the call has no city: ${JSON.stringify(value)}`)
  return String(city)
}

/** A picture of one pixel, and a document of one line: the fake says what bytes it got. */
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
export const pdf = Buffer.from(
  '%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n',
)

export function assertSeen(text: string, kind: 'image' | 'document', bytes: Buffer): void {
  const media = kind === 'image' ? 'image/png' : 'application/pdf'
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const expected = `${kind} ${media} of ${bytes.length} bytes, sha256 ${digest}`
  assert.ok(text.includes(expected), `expected "${expected}" in "${text}"`)
}

/** What the fake has of the call that was just made. */
export function lastEntry({ provider }: Ground): Readonly<Entry> {
  const entry = provider.books.last()
  assert.ok(entry !== undefined, 'nothing reached the upstream')
  return entry
}

/** The usage that a client reads is what the upstream bills. Undefined is none, and fails. */
export function assertUsage(
  ground: Ground,
  told: { input: number | null | undefined; output: number | null | undefined },
): void {
  const { promptTokens, outputTokens } = lastEntry(ground)
  assert.deepEqual(told, { input: promptTokens, output: outputTokens }, 'usage')
}

/** After reasoning: Gemini tells a client of its own wire of the answer's tokens only. */
export function assertReasonedUsage(ground: Ground, told: Parameters<typeof assertUsage>[1]): void {
  const { outputTokens, reasoningTokens } = lastEntry(ground)
  assert.ok(reasoningTokens > 0, 'the fake did not think')
  const isLeftOut = told.output === outputTokens - reasoningTokens
  if (ground.upstream.name !== 'gemini' || !isLeftOut) assertUsage(ground, told)
}

/** The upstream must see that the client has gone, long before it has said all. */
export async function assertAborted(ground: Ground): Promise<void> {
  const deadline = performance.now() + 3000
  while (lastEntry(ground).outcome === 'open' && performance.now() < deadline) await sleep(10)
  const { outcome, outputTokens } = lastEntry(ground)
  assert.equal(outcome, 'aborted', 'the upstream was not told')
  assert.ok(outputTokens > 0 && outputTokens < 3000, `${outputTokens} tokens were generated`)
}

/** The promise must fail with an error that `check` accepts. */
export async function assertFails(
  attempt: Promise<unknown>,
  check: (thrown: unknown) => void,
): Promise<void> {
  let thrown: unknown
  try {
    await attempt
  } catch (error) {
    thrown = error
  }
  assert.ok(thrown !== undefined, 'the call was not refused')
  check(thrown)
}
