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

type Opened = {
  readonly open: () => Promise<ObjectStore>
  /** Without Object Lock. */
  readonly openFree?: () => Promise<ObjectStore>
} & AsyncDisposable

const isFinal = true

function s3Store(
  endpoint: string,
  secretAccessKey = credentials.secretAccessKey,
  isLocking = true,
): ObjectStore {
  return openS3Store({
    endpoint,
    bucket,
    prefix: 'logs/',
    region,
    credentials: { ...credentials, secretAccessKey },
    lock: isLocking ? { mode: 'COMPLIANCE', days: 2 } : undefined,
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
    openFree: async () => s3Store(server.endpoint, undefined, false),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function moto(): Promise<Opened | undefined> {
  const server = await startMoto()
  if (server === undefined) return undefined
  return {
    open: async () => s3Store(server.endpoint),
    openFree: async () => s3Store(server.endpoint, undefined, false),
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

    test('what lies below a path is removed for good, a page at a time, and nothing else', async (t) => {
      await using opened = await start()
      if (opened === undefined) {
        t.skip('moto_server is not installed')
        return
      }
      await using store = await (opened.openFree ?? opened.open)()
      const paths = ['0/000', '0/001.p/3', '0/x001/000', 'entries/000', 'entries/001.p/7']
      for (const path of paths) {
        await store.write(`2026/tile/${path}`, Buffer.from(path), { isFinal: !path.includes('.p') })
      }
      // Removed before: where versions are kept it is only hidden.
      await store.remove('2026/tile/0/001.p/3')
      const kept = ['2026/signed', '2026/checkpoint', '2026-2/tile/0/000', '2026/tiles']
      for (const path of kept) await store.replace(path, Buffer.from(path), undefined)
      const first = await store.removeBelow('2026/tile', { limit: 2 })
      assert.deepEqual([first.removed, first.isDone, first.refusal], [2, false, undefined])
      for (let turn = 0; turn < 10; turn += 1) {
        if ((await store.removeBelow('2026/tile', { limit: 2 })).isDone) break
      }
      const last = await store.removeBelow('2026/tile', { limit: 2 })
      assert.deepEqual(last, { removed: 0, isDone: true, refusal: undefined })
      for (const path of paths) assert.equal(await store.read(`2026/tile/${path}`), undefined)
      for (const path of kept) assert.equal(String((await store.read(path))?.bytes), path)
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
        await assert.rejects(async () => store.removeBelow(path, { limit: 1 }), RangeError, path)
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

for (const [name, start] of Object.entries({ 'our fake': fake, moto })) {
  test(`what is locked is not removed, and the store's refusal is told: ${name}`, async (t) => {
    await using opened = await start()
    if (opened === undefined) {
      t.skip('moto_server is not installed')
      return
    }
    await using store = await opened.open()
    await store.write('2026/tile/0/000', Buffer.from('one'), { isFinal })
    const { removed, isDone, refusal } = await store.removeBelow('2026/tile', { limit: 10 })
    assert.deepEqual([removed, isDone], [0, false])
    assert.match(refusal ?? '', /AccessDenied/)
    assert.equal(String((await store.read('2026/tile/0/000'))?.bytes), 'one')
  })
}

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
