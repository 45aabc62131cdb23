// Both signers keep the same promises: a keystore in a file, and a program in a process of its own.
import assert from 'node:assert/strict'
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { publicKeyObject } from '../../core/identity/public-key.ts'
import { FileKeystore, type KeystoreSecret } from './file-keystore.ts'
import { ProgramSigner } from './program-signer.ts'
import type { Signer, SigningKey } from './signer.ts'

const directory = await mkdtemp(join(tmpdir(), 'airworthy-signer-'))
after(() => rm(directory, { recursive: true }))
const program = join(import.meta.dirname, '../../../test/identity/signer-program.ts')
const masterKey: KeystoreSecret = { kind: 'master-key', masterKey: randomBytes(32) }
const passphrase: KeystoreSecret = { kind: 'passphrase', passphrase: 'a long enough sentence' }

function programSigner(...args: string[]): ProgramSigner {
  return new ProgramSigner({
    command: [process.execPath, '--conditions=airworthy-source', program, ...args],
    environment: {},
    timeoutMs: args.includes('silent') ? 300 : 20_000,
  })
}

const signers: [string, (name: string) => Promise<Signer>][] = [
  ['file', async (name) => FileKeystore.open({ path: join(directory, name), secret: masterKey })],
  ['program', async () => programSigner()],
]

const message = Buffer.from('what is signed')

function isRight({ algorithm, publicKey }: SigningKey, signature: Buffer): boolean {
  if (algorithm === 'ml-dsa-44') return verify(null, message, mlDsaKey(publicKey), signature)
  const key = publicKeyObject({ algorithm, bytes: publicKey })
  if (algorithm === 'ed25519') return verify(null, message, key, signature)
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** SPKI of ML-DSA-44 (OID 2.16.840.1.101.3.4.3.17). */
function mlDsaKey(raw: Buffer) {
  const prefix = Buffer.from(
    '30820532300b0609608648016503040311038205210 0'.replace(' ', ''),
    'hex',
  )
  return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' })
}

for (const [kind, open] of signers) {
  describe(`the ${kind} signer`, () => {
    test('signs with each algorithm, and its public key verifies', async () => {
      await using signer = await open('algorithms.json')
      for (const algorithm of ['ed25519', 'es256', 'ml-dsa-44'] as const) {
        const key = await signer.ensure(`key.${algorithm}`, algorithm)
        assert.ok(isRight(key, await signer.sign(key.name, message)), algorithm)
      }
    })

    test('makes a key once, also when two ask at the same time', async () => {
      await using signer = await open('once.json')
      const made = await Promise.all([1, 2, 3].map(() => signer.ensure('assertion', 'ed25519')))
      for (const key of made) assert.deepEqual(key, made[0])
      assert.deepEqual(await signer.find('assertion'), made[0])
      await assert.rejects(signer.ensure('assertion', 'es256'), { code: 'identity.signer_failed' })
    })

    test('has no key that was not made, and none that was destroyed', async () => {
      await using signer = await open('none.json')
      assert.equal(await signer.find('nobody'), undefined)
      await assert.rejects(signer.sign('nobody', message), { code: 'identity.signer_failed' })
      await signer.ensure('update.1', 'ed25519')
      await signer.destroy('update.1')
      await signer.destroy('update.1')
      assert.equal(await signer.find('update.1'), undefined)
    })

    test('takes no name that is a path or an option', async () => {
      await using signer = await open('names.json')
      for (const name of ['', '../a', '-a', 'a b', 'A', 'a'.repeat(65), 'a\n']) {
        await assert.rejects(signer.find(name), RangeError)
      }
    })
  })
}

describe('the file keystore', () => {
  for (const secret of [masterKey, passphrase]) {
    test(`comes back with its ${secret.kind}, and with no other`, async () => {
      const path = join(directory, `${secret.kind}.json`)
      const first = await FileKeystore.open({ path, secret })
      const key = await first.ensure('assertion', 'ed25519')
      await first[Symbol.asyncDispose]()
      assert.equal((await stat(path)).mode & 0o777, 0o600)
      await using second = await FileKeystore.open({ path, secret })
      assert.deepEqual(await second.find('assertion'), key)
      assert.ok(isRight(key, await second.sign('assertion', message)))
      const others: KeystoreSecret[] = [
        { kind: 'passphrase', passphrase: 'another sentence' },
        { kind: 'master-key', masterKey: randomBytes(32) },
      ]
      for (const other of others) {
        await assert.rejects(FileKeystore.open({ path, secret: other }), {
          code: 'identity.keystore',
        })
      }
    })
  }

  test('does not open when others may read it', async () => {
    const path = join(directory, 'open.json')
    await using signer = await FileKeystore.open({ path, secret: masterKey })
    await signer.ensure('assertion', 'ed25519')
    await chmod(path, 0o640)
    await assert.rejects(FileKeystore.open({ path, secret: masterKey }), /chmod 600/)
  })

  test('does not open when a key, its name or its public half was changed', async () => {
    const path = join(directory, 'changed.json')
    await using signer = await FileKeystore.open({ path, secret: masterKey })
    await signer.ensure('one', 'ed25519')
    const two = await signer.ensure('two', 'ed25519')
    const text = await readFile(path, 'utf8')
    const file: { keys: Record<string, { publicKey: string }> } = JSON.parse(text)
    const { one } = file.keys
    assert.ok(one !== undefined)
    const changes = [
      { ...file, keys: { other: one } },
      { ...file, keys: { one: { ...one, publicKey: two.publicKey.toString('base64') } } },
      { ...file, keys: { one: { ...one, algorithm: 'es256' } } },
      { ...file, version: 2 },
    ]
    for (const changed of changes) {
      await writeFile(path, JSON.stringify(changed), { mode: 0o600 })
      await assert.rejects(FileKeystore.open({ path, secret: masterKey }), {
        code: 'identity.keystore',
      })
    }
  })

  test('holds no private key in the clear', async () => {
    const path = join(directory, 'sealed.json')
    await using signer = await FileKeystore.open({ path, secret: masterKey })
    await signer.ensure('one', 'ed25519')
    const text = await readFile(path, 'utf8')
    // Every PKCS#8 of Ed25519 begins with these bytes.
    assert.ok(!text.includes('MC4CAQAwBQYDK2Vw'))
  })

  test('two processes on one file lose no key of each other', async () => {
    const path = join(directory, 'shared.json')
    await using one = await FileKeystore.open({ path, secret: masterKey })
    await using two = await FileKeystore.open({ path, secret: masterKey })
    await one.ensure('first', 'ed25519')
    const names = Array.from({ length: 8 }, (_, index) => `key.${index}`)
    await Promise.all(
      names.map((name, index) => (index % 2 === 0 ? one : two).ensure(name, 'ed25519')),
    )
    for (const name of [...names, 'first']) {
      assert.deepEqual(await one.find(name), await two.find(name), name)
      assert.notEqual(await two.find(name), undefined)
    }
  })
})

describe('the program signer', () => {
  const cases: [string, RegExp][] = [
    ['refuse', /refuses: not today/],
    ['crash', /ended/],
    ['silent', /in time/],
    ['garbage', /ended|in time|no raw signature/],
  ]
  for (const [behaviour, text] of cases) {
    test(`a program that does ${behaviour} signs nothing`, async () => {
      await using signer = programSigner(behaviour)
      await assert.rejects(signer.sign('assertion', message), {
        code: 'identity.signer_failed',
        message: text,
      })
    })
  }

  test('a program that ended is started again at the next use', async () => {
    await using signer = programSigner('crash-once', join(directory, 'crashed'))
    await assert.rejects(signer.ensure('a', 'ed25519'), { code: 'identity.signer_failed' })
    assert.equal((await signer.ensure('a', 'ed25519')).name, 'a')
  })

  test('a program that is not there signs nothing', async () => {
    await using signer = new ProgramSigner({ command: [join(directory, 'none')], environment: {} })
    await assert.rejects(signer.find('a'), { code: 'identity.signer_failed' })
  })
})
