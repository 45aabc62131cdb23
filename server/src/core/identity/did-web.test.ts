import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { didHostOf, formatDid, parseWebDid, webDidUrl } from './did-web.ts'

const scid = 'QmTYXE8TR3uLUWWrefCtFCLhdFWDBk7Eyq5DQRmiHFVAEL'

describe('a DID stands for one address', () => {
  const cases: [string, string][] = [
    ['did:web:example.com', 'https://example.com/.well-known/did.json'],
    ['did:web:example.com:agents:a1', 'https://example.com/agents/a1/did.json'],
    ['did:web:localhost%3A4100', 'https://localhost:4100/.well-known/did.json'],
    [`did:webvh:${scid}:issuer.example.com`, 'https://issuer.example.com/.well-known/did.jsonl'],
    [`did:webvh:${scid}:example.com:dids:issuer`, 'https://example.com/dids/issuer/did.jsonl'],
    [`did:webvh:${scid}:example.com%3A3000:dids`, 'https://example.com:3000/dids/did.jsonl'],
  ]
  for (const [did, url] of cases) {
    test(did, () => {
      const parsed = parseWebDid(did)
      const file = parsed.method === 'web' ? 'did.json' : 'did.jsonl'
      assert.equal(webDidUrl(parsed, file).href, url)
      const { host, path, method } = parsed
      const domain = host.replace(':', '%3A')
      assert.equal(formatDid(method, { scid, domain, path }), did)
    })
  }
})

describe('a DID is refused', () => {
  const hosts = [
    '127.0.0.1',
    '127%2E0%2E0%2E1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '1.2.3.0x4',
    '%5B%3A%3A1%5D',
    '[::1]',
    'example.com%3a4100',
    'example.com%3A0',
    'example.com%3A65536',
    'example.com%3A80%3A80',
    'example.com%2Fpath',
    'example.com#a',
    'example.com?a',
    'example.com/a',
    'user@example.com',
    'Example.com',
    'exa mple.com',
    'example.com.',
    '-a.com',
    '',
    `${'a'.repeat(64)}.com`,
  ]
  for (const host of hosts) {
    test(`with the host ${JSON.stringify(host)}`, () => {
      for (const did of [`did:web:${host}`, `did:webvh:${scid}:${host}`]) {
        assert.throws(() => parseWebDid(did), { code: 'identity.did_invalid' })
      }
    })
  }
  for (const path of ['..', '.', '', 'a%2Fb', '%2e%2e', 'a/b', 'a#b', 'a?b', 'a b', '...']) {
    test(`with the path ${JSON.stringify(path)}`, () => {
      for (const did of [
        `did:web:example.com:${path}`,
        `did:webvh:${scid}:example.com:a:${path}`,
      ]) {
        assert.throws(() => parseWebDid(did), { code: 'identity.did_invalid' })
      }
    })
  }
  const others = [
    'did:example:a',
    'did:webvh:example.com',
    'did:webvh:Qm0:example.com',
    'web:a',
    '',
  ]
  for (const did of others) {
    test(JSON.stringify(did), () =>
      assert.throws(() => parseWebDid(did), { code: 'identity.did_invalid' }),
    )
  }
})

test('the host of a public URL as a DID has it', () => {
  assert.equal(didHostOf('https://agents.example.com'), 'agents.example.com')
  assert.equal(didHostOf('http://127.0.0.1:4100'), 'localhost%3A4100')
  assert.equal(didHostOf('http://[::1]:4100'), 'localhost%3A4100')
  assert.throws(() => didHostOf('http://10.0.0.7:4100'), { code: 'identity.did_invalid' })
})
