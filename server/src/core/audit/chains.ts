// Checks what each entry says of its agent's chain: numbers without gaps, and the hash of the
// agent's previous entry.
import { leafHash, noEntry } from './entry.ts'

export type ChainFindings = {
  readonly agentGaps: number
  readonly brokenLinks: number
}

type Head = { readonly number: number; readonly hash: string }

/**
 * Reads entries in the order of the log. When it starts in the middle, the first entry of each
 * agent is believed; `isFromStart` says that it must be the agent's first.
 */
export function createChainCheck(options: { readonly isFromStart: boolean }) {
  const heads = new Map<string, Head>()
  let agentGaps = 0
  let brokenLinks = 0
  return {
    add(bytes: Buffer): void {
      const link = readLink(bytes)
      if (link === undefined) {
        brokenLinks += 1
        return
      }
      const first = options.isFromStart ? { number: 0, hash: noEntry } : undefined
      const head = heads.get(link.agent) ?? first
      if (head !== undefined && link.number !== head.number + 1) agentGaps += 1
      if (head !== undefined && link.previous !== head.hash) brokenLinks += 1
      heads.set(link.agent, { number: link.number, hash: leafHash(bytes).toString('base64url') })
    },
    /** Compares a head that is stored apart. An agent without an entry read is not compared. */
    compareHead(agent: string, stored: { readonly number: string; readonly hash: Buffer }): void {
      const head = heads.get(agent)
      if (head === undefined) {
        if (options.isFromStart) brokenLinks += 1
        return
      }
      if (String(head.number) !== stored.number) agentGaps += 1
      if (head.hash !== stored.hash.toString('base64url')) brokenLinks += 1
    },
    findings: (): ChainFindings => ({ agentGaps, brokenLinks }),
  }
}

type Link = { readonly agent: string; readonly number: number; readonly previous: string }

function readLink(bytes: Buffer): Link | undefined {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const fields = new Map<string, unknown>(Object.entries(value))
  const [agent, number, previous] = [
    fields.get('agent'),
    fields.get('number'),
    fields.get('previous'),
  ]
  const isLink =
    typeof agent === 'string' && typeof number === 'number' && typeof previous === 'string'
  return isLink ? { agent, number, previous } : undefined
}
