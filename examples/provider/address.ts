// Where a request goes: /[at/<endpoint>/][<flavour>/]<the provider's own path>.
import type { Wire } from './asked.ts'
import { type Flavour, flavours, isFlavourName } from './flavours.ts'

export type Address = {
  /** An endpoint's name that a drill tells its requests by, else ''. */
  readonly at: string
  readonly flavour: Flavour
  readonly target:
    | { readonly kind: 'call'; readonly wire: Wire }
    | { readonly kind: 'count' }
    | { readonly kind: 'stored'; readonly id: string }
    | { readonly kind: 'models' }
    | { readonly kind: 'model'; readonly id: string }
    | { readonly kind: 'nothing' }
  /** Azure's older path names the deployment, which is the model. */
  readonly deployment: string | undefined
}

const calls: readonly (readonly [string, Wire])[] = [
  ['/chat/completions', 'chat'],
  ['/responses', 'responses'],
  ['/messages', 'messages'],
  ['/embeddings', 'embeddings'],
]

/** Without a flavour in the path: Anthropic's where the path or the headers are, else OpenAI's. */
export function readAddress(url: URL, isAnthropic: boolean): Address {
  const [, at = ''] = /^\/at\/([\w.-]{1,64})(?=\/)/.exec(url.pathname) ?? []
  const rest = at === '' ? url.pathname : url.pathname.slice(at.length + 4)
  const [, prefix = ''] = /^\/([\w.-]+)(?=\/)/.exec(rest) ?? []
  const isNamed = isFlavourName(prefix) && !/^\/openai\/(?:deployments|v1beta)\//.test(rest)
  const fallback = isAnthropic || /\/messages(?:\/|$)/.test(rest) ? 'anthropic' : 'openai'
  const flavour = flavours[isNamed ? prefix : fallback]
  const path = isNamed ? rest.slice(prefix.length + 1) : rest
  const deployment = /^\/openai\/deployments\/([\w.-]+)\//.exec(path)?.[1]
  return { at, flavour, target: targetOf(flavour, path, url), deployment }
}

function targetOf(flavour: Flavour, path: string, url: URL): Address['target'] {
  const needsVersion = flavour.needsApiVersion?.test(path) === true
  const hasVersion = url.searchParams.has('api-version')
  if (!flavour.paths.test(path) || (needsVersion && !hasVersion)) return { kind: 'nothing' }
  const call = calls.find(([end]) => path.endsWith(end))
  if (call !== undefined) {
    const [, wire] = call
    return flavour.wires.includes(wire) ? { kind: 'call', wire } : { kind: 'nothing' }
  }
  if (path.endsWith('/messages/count_tokens') && flavour.wires.includes('messages')) {
    return { kind: 'count' }
  }
  const stored = /\/responses\/(resp_\w+)$/.exec(path)?.[1]
  if (stored !== undefined) return { kind: 'stored', id: stored }
  if (path.endsWith('/models')) return { kind: 'models' }
  const id = /\/models\/([^/]+)$/.exec(path)?.[1]
  return id === undefined ? { kind: 'nothing' } : { kind: 'model', id: decodeURIComponent(id) }
}
