// The house rules: which folder may import which.

import { importsOf, isTest } from './source.ts'
import type { Fault, Import, SourceTree } from './source.ts'

/** Small and pure: no I/O, no clock, no randomness of their own. */
const pureLibraries = new Set([
  'zod',
  'yaml',
  'canonicalize',
  'structured-headers',
  '@marcbachmann/cel-js',
])

/** Functions of their arguments alone. Keys, salts and nonces are made outside and handed in. */
const pureCrypto = new Set([
  'hash',
  'createHash',
  'createHmac',
  'timingSafeEqual',
  'createCipheriv',
  'createDecipheriv',
  'createPublicKey',
  'KeyObject',
  'verify',
])

/** Of node:net: addresses as text, and no connections. */
const pureNet = new Set(['BlockList', 'isIP', 'isIPv4', 'isIPv6'])

const below = ['core', 'store', 'adapters', 'config']
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  store: ['core', 'store'],
  adapters: ['core', 'adapters'],
  config: ['core'],
  gateway: [...below, 'gateway'],
  api: [...below, 'api'],
  jobs: [...below, 'jobs'],
  wiring: [...below, 'gateway', 'api', 'jobs', 'wiring'],
  main: [...below, 'gateway', 'wiring'],
  cli: ['core', 'config', 'cli'],
}

/** Commands that start the server or look at its parts from outside. */
const mayImportMore: Readonly<Record<string, readonly string[]>> = {
  'server/src/cli/serve.ts': ['main', 'store', 'adapters'],
  'server/src/cli/migrate.ts': ['main', 'store', 'adapters'],
  'server/src/cli/doctor.ts': ['store', 'adapters'],
  // With --offline: the catalogue is data of the package.
  'server/src/cli/price-source.ts': ['adapters'],
}

/** The layer of a server file: its folder, or its name when it lies in src itself. */
function layerOf(path: string): string | undefined {
  return /^server\/src\/([\w-]+)/.exec(path)?.[1]
}

export function checkArrows(tree: SourceTree): Fault[] {
  const faults: Fault[] = []
  for (const [path, text] of tree) {
    // A test may use whatever shows that its subject works.
    if (isTest(path)) continue
    const layer = layerOf(path)
    if (layer !== undefined && !Object.hasOwn(mayImport, layer)) {
      faults.push({ path, line: 1, message: `"${layer}" is no folder of the house` })
      continue
    }
    for (const one of importsOf(path, text)) {
      const message = refusal(path, layer, one)
      if (message !== undefined) faults.push({ path, line: one.line, message })
    }
  }
  return faults
}

function refusal(path: string, layer: string | undefined, one: Import): string | undefined {
  if (layer === undefined) return refusalOutside(path, one.target)
  const target = layerOf(one.target)
  if (target !== undefined) {
    const allowed = [...(mayImport[layer] ?? []), ...(mayImportMore[path] ?? [])]
    return allowed.includes(target) ? undefined : `${layer} imports ${target}`
  }
  if (one.target.startsWith('server/test')) return 'source imports test code'
  if (isInCheckout(one.target)) return `the server imports ${one.target}`
  return layer === 'core' ? refusalInCore(one) : undefined
}

function refusalInCore({ target, names }: Import): string | undefined {
  if (pureLibraries.has(target)) return undefined
  const pure = target === 'node:crypto' ? pureCrypto : target === 'node:net' ? pureNet : undefined
  if (pure === undefined) return `core imports ${target}, which is not on the list`
  const impure = names.filter((name) => !pure.has(name))
  return impure.length === 0 ? undefined : `core imports ${impure.join(', ')} of ${target}`
}

function refusalOutside(path: string, target: string): string | undefined {
  const [workspace] = path.split('/')
  if (workspace === 'sdk' && !target.startsWith('sdk/src/')) return `the sdk imports ${target}`
  if (workspace === 'web') {
    const isOther = isInCheckout(target) && !target.startsWith('web/src/')
    return isOther || isServer(target) ? `the web imports ${target}` : undefined
  }
  const isOutside = workspace === 'examples' || workspace === 'bench' || workspace === 'e2e'
  return isOutside && isServer(target) ? `${workspace} imports ${target}; use the SDK` : undefined
}

function isServer(target: string): boolean {
  return (
    target.startsWith('server/src/') || target === 'airworthy' || target.startsWith('airworthy/')
  )
}

function isInCheckout(target: string): boolean {
  return /^(?:sdk|server|web|examples|bench|e2e|scripts)\//.test(target) || target.startsWith('..')
}
