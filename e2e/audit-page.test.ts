// The verifier page as it is shipped: its very script, without a page around it; and in a browser where
// one is installed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { verifyBundle, webCrypto } from '@airworthy/sdk'
import { buildVerifierPage, buildVerifierScript } from '../scripts/build-verifier.ts'
import { chat } from './harness/clients.ts'
import { enrol, standGround } from './harness/ground.ts'
import { until } from './harness/until.ts'

const ground = await standGround()
const { client } = ground.server

type Script = { verifyBundle: typeof verifyBundle; webCrypto: typeof webCrypto }

async function loadScript(): Promise<Script> {
  const text = `${await buildVerifierScript()}\nexport { verifyBundle, webCrypto }\n`
  const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`
  const loaded: Script = await import(url)
  return loaded
}

test("the page's script accepts a bundle of the server, and refuses it changed", async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  await session.post(chat())
  const { size } = await client.getLog()
  await until('a checkpoint', async () => {
    const { shards } = await client.listShards()
    return Number(shards.at(-1)?.checkpoint?.size ?? 0) >= Number(size)
  })
  const key = (await client.listShards()).shards.at(-1)?.keys[0] ?? ''
  const bundle = Buffer.concat(await Array.fromAsync(await client.exportLog()))
  const script = await loadScript()
  const verify = async (bytes: Buffer) => {
    const chunks = (async function* () {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
    })()
    return script.verifyBundle({ chunks, crypto: script.webCrypto(), trust: { keys: [key] } })
  }
  assert((await verify(bundle)).isProven)
  const changed = Buffer.from(
    bundle.toString().replace('"type\\":\\"call.intent', '"type\\":\\"call.denied'),
  )
  assert(!changed.equals(bundle))
  const report = await verify(changed)
  assert(!report.isProven && !report.isConsistent)
})

test('the page names no address, and its policy allows its own script and nothing else', async () => {
  const page = await buildVerifierPage()
  assert.doesNotMatch(page, /https?:|\bsrc=|\bhref=|\bfetch\(|XMLHttpRequest|WebSocket/)
  const script = /<script type="module">([\s\S]*)<\/script>/.exec(page)?.[1] ?? ''
  assert(page.includes(`script-src 'sha256-${hash('sha256', script, 'base64')}'`))
  assert(page.includes("default-src 'none'"))
})

test('a browser runs the page', async (context) => {
  const browser = ['chromium', 'chromium-browser', 'google-chrome'].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  )
  if (browser === undefined) {
    context.skip('no Chromium is installed: the page was not run in a browser')
    return
  }
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-page-'))
  try {
    const file = join(directory, 'verifier.html')
    await writeFile(file, await buildVerifierPage())
    const options = ['--headless', '--no-sandbox', '--disable-gpu', '--dump-dom']
    const { stdout } = spawnSync(browser, [...options, pathToFileURL(file).href], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.match(stdout, /data-ready="true"/)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
