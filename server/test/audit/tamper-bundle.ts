// Tampers with an audit bundle, one random change at a time, and asks both verifiers: the one of the
// command line, and the one of the page. Prints how many of each kind they accepted.
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { verifyBundle, webCrypto } from '@airworthy/sdk'
import { checkIdentity, nodeCrypto } from '../../src/cli/audit-crypto.ts'
import { createDraw, type Draw } from './draw.ts'
import { tamperings } from './tamperings.ts'

const { positionals } = parseArgs({ allowPositionals: true })
const [file = '', key = '', countText = '1000', seedText = '1'] = positionals

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

async function isAccepted(bytes: Buffer, verifier: 'command' | 'page'): Promise<boolean> {
  const isCommand = verifier === 'command'
  const report = await verifyBundle({
    chunks: once(bytes),
    crypto: isCommand ? nodeCrypto : webCrypto(),
    trust: { keys: [key] },
    ...(isCommand ? { checkIdentity } : {}),
  })
  return report.isProven
}

function tamper(original: Buffer, kind: string, draw: Draw): Buffer {
  const change = tamperings.get(kind)
  if (change === undefined) throw new Error(`there is no tampering ${kind}`)
  for (;;) {
    const changed = change(original, draw)
    if (!changed.equals(original)) return changed
  }
}

const original = await readFile(file)
const draw = createDraw(Number(seedText))
const kinds = [...tamperings.keys()]
const made: Record<string, number> = {}
const accepted = { command: 0, page: 0 }
const originalAccepted = {
  command: await isAccepted(original, 'command'),
  page: await isAccepted(original, 'page'),
}
for (let at = 0; at < Number(countText); at += 1) {
  const kind = kinds[at % kinds.length] ?? ''
  const changed = tamper(original, kind, draw)
  made[kind] = (made[kind] ?? 0) + 1
  for (const verifier of ['command', 'page'] as const) {
    if (await isAccepted(changed, verifier)) accepted[verifier] += 1
  }
}
process.stdout.write(
  `${JSON.stringify({ bytes: original.length, originalAccepted, tamperings: made, accepted })}\n`,
)
