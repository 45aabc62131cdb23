// What both kinds of store promise; S3 on a server of somebody else's too, where there is one.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { openDirectoryStore } from '../../src/adapters/objects/directory-store.ts'
import type { ObjectStore } from '../../src/adapters/objects/object-store.ts'
import { openS3Store } from '../../src/adapters/objects/s3-store.ts'
import { bucket, credentials, region, startFakeS3, startMoto } from './s3-server.ts'

type Opened = { readonly open: () => Promise<ObjectStore> } & AsyncDisposable

const isFinal = true

function s3Store(endpoint: string, secretAccessKey = credentials.secretAccessKey): ObjectStore {
  return openS3Store({
    endpoint,
    bucket,
    prefix: 'logs/',
    region,
    credentials: { ...credentials, secretAccessKey },
    lock: { mode: 'COMPLIANCE', days: 2 },
    now: Date.now,
  })
}

async function directory(): Promise<Opened> {
  const root = await mkdtemp(join(tmpdir(), 'airworthy-store-'))
  return {
    open: () => openDirectoryStore(root),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

async function fake(): Promise<Opened> {
  const server = await startFakeS3()
  return {
    open: async () => s3Store(server.endpoint),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function moto(): Promise<Opened | undefined> {
  const server = await startMoto()
  if (server === undefined) return undefined
  return {
    open: async () => s3Store(server.endpoint),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const kinds = { directory, 'S3, our fake': fake, 'S3, moto': moto }

for (const [name, start] of Object.entries(kinds)) {
  suite(name, () => {
    test('what is written is read; what is final never changes; one of many swaps', async (t) => {
      await using opened = await start()
      if (opened === undefined) {
        t.skip('moto_server is not installed')
        return
      }
      await using store = await opened.open()
      await using other = await opened.open()
      assert.equal(await store.read('2026/tile/0/000'), undefined)
      await store.write('2026/tile/0/000', Buffer.from('one'), { isFinal })
      await other.write('2026/tile/0/000', Buffer.from('one'), { isFinal })
      await assert.rejects(other.write('2026/tile/0/000', Buffer.from('two'), { isFinal }), {
        code: 'log.forked',
      })
      assert.equal(String((await other.read('2026/tile/0/000'))?.bytes), 'one')
      const swaps = await Promise.all(
        Array.from({ length: 6 }, (_, at) =>
          (at % 2 === 0 ? store : other).replace('2026/signed', Buffer.from(`${at}`), undefined),
        ),
      )
      assert.equal(swaps.filter(Boolean).length, 1)
      const { version } = (await store.read('2026/signed')) ?? {}
      assert.equal(await store.replace('2026/signed', Buffer.from('next'), version), true)
      assert.equal(await other.replace('2026/signed', Buffer.from('late'), version), false)
      assert.equal(String((await store.read('2026/signed'))?.bytes), 'next')
      await store.remove('2026/signed')
      await store.remove('2026/signed')
      assert.equal(await store.read('2026/signed'), undefined)
    })

    test('a path that leaves the store is not even asked for', async (t) => {
      await using opened = await start()
      if (opened === undefined) {
        t.skip('moto_server is not installed')
        return
      }
      await using store = await opened.open()
      for (const path of ['../x', '/x', 'a//b', '', 'a/../b', '.lock']) {
        await assert.rejects(async () => store.read(path), RangeError, path)
      }
    })
  })
}

test('what is final is locked as long as is set, and nobody removes it before', async () => {
  await using server = await startFakeS3()
  await using store = s3Store(server.endpoint)
  await store.write('2026/tile/0/000', Buffer.from('one'), { isFinal })
  await store.write('2026/tile/0/001.p/3', Buffer.from('partial'), { isFinal: false })
  assert.deepEqual([...server.locks.keys()], [`/${bucket}/logs/2026/tile/0/000`])
  const [lock] = server.locks.values()
  assert.equal(lock?.mode, 'COMPLIANCE')
  const days = (Date.parse(lock?.until ?? '') - Date.now()) / 86_400_000
  assert(days > 1.9 && days <= 2, lock?.until)
  await assert.rejects(store.remove('2026/tile/0/000'), { code: 'log.storage' })
  await store.remove('2026/tile/0/001.p/3')
})

test('a wrong secret is refused, and a server that fails is asked again', async () => {
  await using server = await startFakeS3()
  await using wrong = s3Store(server.endpoint, 'another secret')
  await assert.rejects(wrong.read('2026/signed'), /403 SignatureDoesNotMatch/)
  await using store = s3Store(server.endpoint)
  server.failNext(503)
  server.failNext(500)
  await store.write('2026/tile/0/000', Buffer.from('one'), { isFinal })
  for (let at = 0; at < 4; at += 1) server.failNext(500)
  await assert.rejects(store.read('2026/tile/0/000'), { code: 'log.storage' })
})
