// What happens before anything of ours runs: installing, and finding a Node.js.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { text } from 'node:stream/consumers'

const checkout = join(import.meta.dirname, '..', '..')
const folder = await mkdtemp(join(tmpdir(), 'airworthy-launch-'))
after(() => rm(folder, { recursive: true, force: true }))

async function run(args: readonly string[]) {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, AIRWORTHY_INSTALL: 'when stale' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await ended
  return { exitCode: child.exitCode, stdout, stderr }
}

function install(root: string) {
  const module = JSON.stringify(join(checkout, 'scripts', 'install.mjs'))
  const program = `
    const { installIfStale } = await import(${module})
    process.exitCode = (await installIfStale(${JSON.stringify(root)})) ? 0 : 1`
  return run(['--input-type=module', '-e', program])
}

async function writeProject(root: string, manifest: object): Promise<void> {
  const whole = { name: 'small', version: '1.0.0', workspaces: [], ...manifest }
  await mkdir(root, { recursive: true })
  await writeFile(join(root, 'package.json'), JSON.stringify(whole))
  const lock = { name: 'small', lockfileVersion: 3, requires: true, packages: { '': whole } }
  await writeFile(join(root, 'package-lock.json'), JSON.stringify(lock))
}

const installed = /^airworthy: installing dependencies \(npm ci\) \.\.\. \d+\.\d s\n$/

test('installs once, says so in one line, and again only when a manifest changed', async () => {
  const root = join(folder, 'once')
  await writeProject(root, {})
  const first = await install(root)
  assert.equal(first.exitCode, 0, first.stderr)
  assert.match(first.stderr, installed)
  assert.equal((await install(root)).stderr, '')
  await writeProject(root, { description: 'changed' })
  assert.match((await install(root)).stderr, installed)
})

test('two launches at once install once', async () => {
  const root = join(folder, 'together')
  await writeProject(root, {})
  const results = await Promise.all([install(root), install(root), install(root)])
  assert.deepEqual(
    results.map((result) => result.exitCode),
    [0, 0, 0],
  )
  const lines = results.map((result) => result.stderr).filter((line) => line.includes('npm ci'))
  assert.equal(lines.length, 1)
})

test('takes over the lock of an installation that was killed', async () => {
  const root = join(folder, 'killed')
  await writeProject(root, {})
  const gone = spawn(process.execPath, ['-e', ''])
  await once(gone, 'close')
  await writeFile(join(root, '.install.lock'), String(gone.pid))
  assert.equal((await install(root)).exitCode, 0)
})

test('shows what npm said when it fails', async () => {
  const root = join(folder, 'broken')
  await writeProject(root, {})
  const unlocked = { name: 'small', workspaces: [], dependencies: { absent: 'file:./absent' } }
  await writeFile(join(root, 'package.json'), JSON.stringify(unlocked))
  const { exitCode, stderr } = await install(root)
  assert.equal(exitCode, 1)
  assert.match(stderr, /failed after .*\n[\s\S]*npm error/)
})

test('refuses an unknown task with the usage exit code', async () => {
  const { exitCode, stderr } = await run([join(checkout, 'scripts', 'launch.mjs'), 'fly'])
  assert.equal(exitCode, 64)
  assert.match(stderr, /there are start, evidence/)
})
