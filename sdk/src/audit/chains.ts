// The chain of each agent: its entries are numbered without gaps, and each names the one before it by
// its leaf hash. So nothing was left out between two entries of an agent.
import { AuditFault } from './fault.ts'

type Head = { readonly number: number; readonly hash: string }

const firstPrevious = 'A'.repeat(43)

export type EntrySummary = { readonly agent: string; readonly type: string; readonly at: string }

export class AgentChains {
  readonly #heads = new Map<string, Head>()
  readonly #isFromStart: boolean

  /** From the start of a log each agent must begin with its first entry; else its first is believed. */
  constructor(isFromStart: boolean) {
    this.#isFromStart = isFromStart
  }

  get agents(): number {
    return this.#heads.size
  }

  /** `hash` is the leaf hash of the entry, base64url. */
  add(index: number, entry: string, hash: string): EntrySummary {
    const { agent, number, previous, type, at } = readEntry(index, entry)
    const first = this.#isFromStart ? { number: 0, hash: firstPrevious } : undefined
    const head = this.#heads.get(agent) ?? first
    if (head !== undefined && number !== head.number + 1) {
      throw new AuditFault('chains', `entry ${index}: the numbers of its agent have a gap`)
    }
    if (head !== undefined && previous !== head.hash) {
      throw new AuditFault('chains', `entry ${index} does not name the agent's entry before it`)
    }
    this.#heads.set(agent, { number, hash })
    return { agent, type, at }
  }
}

function readEntry(index: number, text: string) {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new AuditFault('entries', `entry ${index} is no JSON`)
  }
  const fields = new Map<string, unknown>(
    typeof value === 'object' && value !== null ? Object.entries(value) : [],
  )
  const [agent, number, previous, type, at] = ['agent', 'number', 'previous', 'type', 'at'].map(
    (name) => fields.get(name),
  )
  const isEntry =
    typeof agent === 'string' &&
    typeof number === 'number' &&
    typeof previous === 'string' &&
    typeof type === 'string' &&
    typeof at === 'string'
  if (!isEntry) throw new AuditFault('entries', `entry ${index} is no entry of this log`)
  return { agent, number, previous, type, at }
}
