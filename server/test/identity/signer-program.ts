// A signer in a process of its own, as the guide describes the protocol; or a bad one, as its first
// argument says. It imports nothing of the project but what makes keys.
import { existsSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { KeyObject } from 'node:crypto'
import {
  makePrivateKey,
  publicHalf,
  rawPublicKey,
  signWith,
} from '../../src/adapters/signer/key-pair.ts'

type Algorithm = Parameters<typeof makePrivateKey>[0]
type Request = { id: number; op: string; name: string; algorithm: Algorithm; message: string }

const [behaviour = '', mark = ''] = process.argv.slice(2)
const keys = new Map<string, { algorithm: Algorithm; key: KeyObject }>()

function answer(request: Request): object {
  const { op, name, algorithm, message } = request
  if (op === 'ensure' && !keys.has(name)) {
    keys.set(name, { algorithm, key: makePrivateKey(algorithm) })
  }
  if (op === 'destroy') keys.delete(name)
  const held = keys.get(name)
  if (op === 'sign') {
    if (held === undefined) return { error: `no key ${name}` }
    const signature = signWith(held.algorithm, held.key, Buffer.from(message, 'base64'))
    return { signature: signature.toString('base64') }
  }
  if (held === undefined) return { key: null }
  const publicKey = rawPublicKey(held.algorithm, publicHalf(held.key)).toString('base64')
  return { key: { algorithm: held.algorithm, publicKey } }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const request: Request = JSON.parse(line)
  const { id } = request
  if (behaviour === 'crash') process.exit(3)
  if (behaviour === 'crash-once' && !existsSync(mark)) {
    writeFileSync(mark, '')
    process.exit(3)
  }
  if (behaviour === 'silent') return
  if (behaviour === 'garbage') {
    process.stdout.write(`hello\n{"id":${id},"signature":"AAAA"}\n`)
    return
  }
  const reply = behaviour === 'refuse' ? { error: 'not today' } : answer(request)
  process.stdout.write(`${JSON.stringify({ id, ...reply })}\n`)
})
