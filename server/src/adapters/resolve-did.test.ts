// Against a real HTTPS server on this machine: what resolves, and what must not be asked or believed.
import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import {
  append,
  makeLog,
  makePair,
  versionIdOf,
  witnessesOf,
} from '../../test/identity/webvh-logs.ts'
import { certificate, certificateKey } from '../../test/identity/certificate.ts'
import { createDidResolver } from './resolve-did.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void
const handlers = new Map<string, Handler>()
const asked: string[] = []
const server = createServer({ cert: certificate, key: certificateKey }, (request, response) => {
  const url = request.url ?? ''
  asked.push(url)
  const handle = handlers.get(url)
  if (handle !== undefined) handle(request, response)
  else response.writeHead(404).end()
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
after(() => {
  server.closeAllConnections()
  server.close()
})
const { port } = addressOf()
const host = `dids.test%3A${port}`

function addressOf(): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening')
  return address
}

function serve(path: string, text: string, status = 200): void {
  handlers.set(path, (_, response) => response.writeHead(status).end(text))
}

const resolve = createDidResolver({
  allowPrivate: ['dids.test'],
  resolveHost: async () => ['127.0.0.1'],
  ca: certificate,
})

test('a did:web is its document, and no other', async () => {
  const did = `did:web:${host}:a`
  serve('/a/did.json', JSON.stringify({ id: did }))
  assert.deepEqual((await resolve(did)).document, { id: did })
  serve('/a/did.json', JSON.stringify({ id: `did:web:${host}:b` }))
  await assert.rejects(resolve(did), { code: 'identity.did_unresolvable' })
  serve('/a/did.json', '{"id":"x","id":"y"}')
  await assert.rejects(resolve(did), { code: 'identity.did_unresolvable' })
  await assert.rejects(resolve(`did:web:${host}:none`), { code: 'identity.did_unresolvable' })
})

test('a did:webvh is resolved with its log and its witnesses', async () => {
  const [key, witness] = [makePair(), makePair()]
  const rule = { threshold: 1, witnesses: [{ id: `did:key:${witness.multikey}` }] }
  const first = await makeLog({ host, signer: key, parameters: { witness: rule } })
  const log = await append(first, { signer: key })
  serve('/.well-known/did.jsonl', log.lines.join('\n'))
  await assert.rejects(resolve(log.did), /no did-witness/)
  const versionId = versionIdOf(log, 2)
  serve('/.well-known/did-witness.json', await witnessesOf([{ versionId, by: [witness] }]))
  assert.equal((await resolve(log.did)).versionId, versionId)
})

test('a did:key needs nobody', async () => {
  const before = asked.length
  const { multikey } = makePair()
  const { document } = await resolve(`did:key:${multikey}`)
  assert.equal(document['id'], `did:key:${multikey}`)
  assert.equal(asked.length, before)
})

describe('what is somebody else’s word', () => {
  test('a redirect is not followed', async () => {
    handlers.set('/r/did.json', (_, response) =>
      response.writeHead(302, { location: '/a/did.json' }).end(),
    )
    await assert.rejects(resolve(`did:web:${host}:r`), /answers 302/)
  })

  test('a document that is too long is not read to its end', async () => {
    let sent = 0
    handlers.set('/long/did.json', (_, response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 32))) sent += 65_536
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    await assert.rejects(resolve(`did:web:${host}:long`), { code: 'identity.did_unresolvable' })
    assert.ok(sent < 64 * 1024 * 1024)
  })

  test('an answer that breaks off is no document', async () => {
    handlers.set('/cut/did.json', (_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{')
      setImmediate(() => response.destroy())
    })
    await assert.rejects(resolve(`did:web:${host}:cut`), { code: 'identity.did_unresolvable' })
  })

  test('a certificate that nobody vouches for is refused', async () => {
    const doubting = createDidResolver({
      allowPrivate: ['dids.test'],
      resolveHost: async () => ['127.0.0.1'],
    })
    await assert.rejects(doubting(`did:web:${host}:a`), { code: 'identity.did_unresolvable' })
  })

  test('a private, local or metadata address is not connected to', async () => {
    const before = asked.length
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1']) {
      const strict = createDidResolver({ allowPrivate: [], resolveHost: async () => [address] })
      await assert.rejects(strict(`did:web:${host}:a`), { code: 'upstream.address_forbidden' })
    }
    const mixed = createDidResolver({
      allowPrivate: [],
      resolveHost: async () => ['93.184.215.14', '127.0.0.1'],
    })
    await assert.rejects(mixed(`did:web:${host}:a`), { code: 'upstream.address_forbidden' })
    assert.equal(asked.length, before)
  })

  test('a name is looked up once: what it resolves to a moment later is not used', async () => {
    let lookups = 0
    const rebinding = createDidResolver({
      allowPrivate: ['dids.test'],
      ca: certificate,
      resolveHost: async () => {
        lookups += 1
        return lookups === 1 ? ['127.0.0.1'] : ['169.254.169.254']
      },
    })
    serve('/once/did.json', JSON.stringify({ id: `did:web:${host}:once` }))
    await rebinding(`did:web:${host}:once`)
    assert.equal(lookups, 1)
  })

  test('addresses, other methods and other schemes are refused before anything is asked', async () => {
    const before = asked.length
    for (const did of [
      'did:web:127.0.0.1',
      'did:web:2130706433',
      'did:web:example.com:..:a',
      'did:ion:a',
      'https://example.com',
      'file:///etc/passwd',
    ]) {
      await assert.rejects(resolve(did), { code: 'identity.did_invalid' }, did)
    }
    assert.equal(asked.length, before)
  })
})
