// The cells of the fault matrix: each fault x whole or streamed x text or tool call x the ways from a
// client's wire to an upstream's; and the same with a second endpoint that takes over.
import { faultTable, isFaultName, type FaultName } from '../../../examples/provider/fault-table.ts'
import type { Ask, ClientApi, Wanted } from './ask.ts'

export type Way = {
  readonly api: ClientApi
  /** Where the fault is, and what takes over. */
  readonly upstreams: readonly UpstreamKind[]
}

export type UpstreamKind = 'openai-chat' | 'openai-responses' | 'anthropic'

export type Cell = {
  readonly fault: FaultName
  readonly way: Way
  readonly wayName: string
  readonly ask: Ask
}

export const ways: readonly Way[] = [
  { api: 'chat', upstreams: ['openai-chat'] },
  { api: 'chat', upstreams: ['anthropic'] },
  { api: 'messages', upstreams: ['anthropic'] },
  { api: 'messages', upstreams: ['openai-chat'] },
  { api: 'responses', upstreams: ['openai-responses'] },
  { api: 'responses', upstreams: ['anthropic'] },
  { api: 'chat', upstreams: ['openai-chat', 'anthropic'] },
  { api: 'messages', upstreams: ['anthropic', 'openai-chat'] },
  { api: 'responses', upstreams: ['openai-responses', 'openai-chat'] },
]

export const faults: readonly FaultName[] = Object.keys(faultTable).filter(isFaultName)

/** Quick enough for thousands of calls. */
const options: Partial<Record<FaultName, string>> = {
  latency: 'ms=50,chunkMs=2',
  'slow-bytes': 'bytes=64,ms=1',
  // Just above what is read of a reply.
  oversized: 'bytes=34000000',
}

const wanted: readonly Wanted[] = [
  {
    kind: 'text',
    text: 'Ships that pass in the night speak each other in passing: a signal shown, a voice.',
  },
  { kind: 'tool', arguments: { city: 'Skagen', days: [1, 2, 3], note: 'wind "and" waves' } },
]

export function wayName({ api, upstreams }: Way): string {
  return `${api} > ${upstreams.join(', ')}`
}

export function modelName(way: Way, fault: FaultName): string {
  return `${way.api}.${way.upstreams.join('.')}.${fault}`
}

/** What the fake is asked for: the fault stands behind the model's name. */
export function faultyModel(fault: FaultName): string {
  const given = options[fault]
  return given === undefined ? `fake!${fault}` : `fake!${fault}:${given}`
}

export function makeCells(): Cell[] {
  const cells: Cell[] = []
  for (const fault of faults) {
    for (const stream of [false, true]) {
      for (const way of ways) {
        for (const each of wanted) {
          const model = modelName(way, fault)
          const user = `${model}.${stream ? 'stream' : 'json'}.${each.kind}`
          const ask = { api: way.api, model, user, stream, wanted: each }
          cells.push({ fault, way, wayName: wayName(way), ask })
        }
      }
    }
  }
  return cells
}

/** Faults that a client never notices. */
const harmless = new Set<FaultName>([
  'latency',
  'slow-bytes',
  'split-bytes',
  'crlf',
  'comments',
  'bom',
  'usage-missing',
  'usage-negative',
  'usage-text',
  'usage-huge',
  'close-kept-alive',
])
/** They are in the framing of a stream, and not in a whole reply. */
const ofStreams = new Set<FaultName>(['no-blank-line'])
/** The reply is there and can be read, or is refused: both are one outcome. */
const debatable = new Set<FaultName>(['wrong-content-type', 'oversized', 'no-blank-line'])
/** Nobody else is asked: the request itself is said to be wrong. */
const ofTheRequest = new Set<FaultName>(['status-400', 'status-404'])
/** The client has seen something of the reply by then. */
const withinStreams = new Set<FaultName>([
  'reset-mid-body',
  'cut-stream',
  'half-event',
  'silence-mid-body',
  'error-event',
  'bad-json',
  'no-blank-line',
  'oversized',
  'wrong-content-type',
])

/** Which outcomes are right. */
export function expected({ fault, way, ask }: Cell): 'whole' | 'error' | 'either' {
  if (harmless.has(fault) || (ofStreams.has(fault) && !ask.stream)) return 'whole'
  if (way.upstreams.length > 1 && !ofTheRequest.has(fault)) {
    if (fault === 'oversized') return 'either'
    return ask.stream && withinStreams.has(fault) ? 'either' : 'whole'
  }
  return debatable.has(fault) ? 'either' : 'error'
}

/**
 * Whether what the fake tells of the usage is what it bills. An error status says that nothing was
 * generated; a provider that bills a whole reply under one is believed.
 */
export function isUsageTrue({ fault }: Cell): boolean {
  return !fault.startsWith('usage-') && fault !== 'wrong-status'
}
