import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { addressPolicy, isPublic, literalOf } from './address-policy.ts'

const notPublic = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '64:ff9b::7f00:1',
  '64:ff9b::808:808',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:0:4136:e378:8000:63bf:3fff:fdd2',
  '2001:2::1',
  '2001:10::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '2002:808:808::1',
  '3fff::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  '4000::1',
]

const publicOnes = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1', '2a00::1']

suite('addresses', () => {
  for (const address of notPublic) {
    test(`refuses ${address}`, () => {
      assert.equal(isPublic(address), false)
      assert.equal(addressPolicy({ allowPrivate: [] }).permits('api.example', address), false)
    })
  }
  for (const address of publicOnes) {
    test(`permits ${address}`, () => {
      assert.equal(addressPolicy({ allowPrivate: [] }).permits('api.example', address), true)
    })
  }
  for (const text of ['', 'localhost', '127.1', '0x7f000001', '127.0.0.1%lo', '1.2.3.4 ']) {
    test(`refuses ${JSON.stringify(text)}, which is no address`, () => {
      assert.equal(
        addressPolicy({ allowPrivate: ['0.0.0.0/0', '::/0'] }).permits('api.example', text),
        false,
      )
    })
  }
})

suite('allowPrivate', () => {
  test('an address or a range allows what is in it, whatever the host is called', () => {
    const policy = addressPolicy({
      allowPrivate: ['10.1.0.0/16', '127.0.0.1', 'fd00::/8', '169.254.7.7'],
    })
    for (const address of ['10.1.2.3', '127.0.0.1', 'fd12::1', '169.254.7.7', '8.8.8.8']) {
      assert.equal(policy.permits('any.example', address), true, address)
    }
    for (const address of ['10.2.0.1', '127.0.0.2', 'fc00::1', '169.254.169.254', '::1']) {
      assert.equal(policy.permits('any.example', address), false, address)
    }
  })

  test('a host is allowed private addresses, never link-local ones, and no other host is', () => {
    const policy = addressPolicy({ allowPrivate: ['Orders.Internal'] })
    for (const address of ['10.1.2.3', '127.0.0.1', '192.168.1.1', 'fd12::1', '::1']) {
      assert.equal(policy.permits('orders.internal', address), true, address)
      assert.equal(policy.permits('orders.internal.', address), true, address)
      assert.equal(policy.permits('evil.orders.internal', address), false, address)
    }
    for (const address of ['169.254.169.254', 'fe80::1', '0.0.0.0', '224.0.0.1', '2002:a00::1']) {
      assert.equal(policy.permits('orders.internal', address), false, address)
    }
  })

  test('private only: nothing public, and what is allowed', () => {
    const policy = addressPolicy({ allowPrivate: ['10.0.0.0/8', '8.8.8.8'], privateOnly: true })
    assert.equal(policy.permits('a.example', '10.0.0.1'), true)
    assert.equal(policy.permits('a.example', '8.8.8.8'), false)
    assert.equal(policy.permits('a.example', '192.168.0.1'), false)
  })

  test('nothing allows unspecified, multicast, broadcast or mapped addresses', () => {
    const policy = addressPolicy({ allowPrivate: ['0.0.0.0/0', '::/0', 'a.example'] })
    const never = ['0.0.0.0', '0.9.9.9', '224.0.0.1', '255.255.255.255', '::', 'ff02::1']
    for (const address of [...never, '::ffff:127.0.0.1', '::ffff:8.8.8.8']) {
      assert.equal(policy.permits('a.example', address), false, address)
    }
  })

  for (const entry of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'a b',
    'http://a',
    '::1/129',
    'a:80',
  ]) {
    test(`is refused when it holds ${entry}`, () => {
      assert.throws(
        () => addressPolicy({ allowPrivate: [entry] }),
        /neither a host nor an address range/,
      )
    })
  }
})

suite('literals', () => {
  const cases: [string, string | undefined][] = [
    ['http://127.0.0.1/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
    ['http://2130706433/', '127.0.0.1'],
    ['http://[::1]/', '::1'],
    ['http://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
    ['http://localhost/', undefined],
  ]
  for (const [url, literal] of cases) {
    test(`${url} names ${literal ?? 'a host'}`, () => {
      assert.equal(literalOf(new URL(url).hostname), literal)
    })
  }

  test('an IPv4 address is permitted or not the same way, however a URL writes it', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (bits) => {
        const bytes = [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255]
        const address = bytes.join('.')
        const written = literalOf(new URL(`http://0x${bits.toString(16)}/`).hostname)
        assert.equal(written, address)
        assert.equal(isPublic(`::ffff:${address}`), false)
      }),
    )
  })
})
