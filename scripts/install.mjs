// Keeps node_modules equal to the lock file. Plain JavaScript without dependencies, because it
// runs before anything is installed, on whatever Node.js the machine has.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Installs when node_modules is missing or is not what the lock file says. Two launches at once
 * install once. AIRWORTHY_INSTALL=never leaves node_modules as it is, for work on the manifests
 * themselves. Returns false when it failed; everything npm said is on stderr then.
 */
export async function installIfStale(root) {
  if (process.env.AIRWORTHY_INSTALL === 'never' || isFresh(root)) return true
  const lock = await takeLock(join(root, '.install.lock'))
  try {
    // Whoever held the lock may have installed meanwhile.
    return isFresh(root) || (await install(root))
  } finally {
    lock.release()
  }
}

function stampFileOf(root) {
  return join(root, 'node_modules', '.airworthy-install')
}

function isFresh(root) {
  const wanted = hashOfManifests(root)
  if (readIfThere(stampFileOf(root)) === wanted) return true
  if (!isInstalledByHand(root)) return false
  writeFileSync(stampFileOf(root), wanted)
  return true
}

function manifestsOf(root) {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return ['', ...workspaces].map((folder) => ({
    folder,
    text: readFileSync(join(root, folder, 'package.json'), 'utf8'),
  }))
}

function hashOfManifests(root) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')))
  for (const { text } of manifestsOf(root)) hash.update('\0').update(text)
  // A checkout that is copied to another kind of machine needs other binaries.
  return hash.update(`\0${process.platform}-${process.arch}`).digest('hex')
}

/** Whether an `npm ci` or `npm install` of someone's own already made what the lock file says. */
function isInstalledByHand(root) {
  const hidden = readIfThere(join(root, 'node_modules', '.package-lock.json'))
  if (hidden === undefined) return false
  const installed = JSON.parse(hidden).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies']
  const isLocked = manifestsOf(root).every(({ folder, text }) =>
    kinds.every((kind) => isSameMap(JSON.parse(text)[kind], wanted[folder]?.[kind])),
  )
  return (
    isLocked &&
    Object.entries(wanted).every(([path, entry]) => {
      if (path === '' || !isForThisMachine(entry)) return true
      const isOnDisk = entry.link === true || existsSync(join(root, path))
      return installed[path]?.version === entry.version && isOnDisk
    })
  )
}

function isForThisMachine(entry) {
  if (entry.optional !== true) return true
  if (entry.libc !== undefined) return false
  return entry.os?.includes(process.platform) === true && entry.cpu?.includes(process.arch) === true
}

function isSameMap(one, other) {
  return textOfMap(one) === textOfMap(other)
}

function textOfMap(map = {}) {
  const lines = Object.entries(map).map(([name, value]) => `${name} ${value}`)
  return lines.toSorted().join('\n')
}

async function install(root) {
  process.stderr.write('airworthy: installing dependencies (npm ci) ... ')
  const began = Date.now()
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const { code, output } = await runQuietly('npm', args, root)
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  if (code !== 0) {
    process.stderr.write(`failed after ${seconds} s\n${output}\n`)
    return false
  }
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  writeFileSync(stampFileOf(root), hashOfManifests(root))
  process.stderr.write(`${seconds} s\n`)
  return true
}

/** npm's warnings (it runs on the machine's own Node.js, which may be old) matter on failure only. */
function runQuietly(program, args, cwd) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk) => (output += chunk)
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    const stop = (signal) => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)
    const finish = (code) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop)
      resolve({ code, output })
    }
    child.on('error', (error) => {
      output += error.message
      finish(1)
    })
    child.on('close', (code) => finish(code ?? 1))
  })
}

async function takeLock(path) {
  let isTold = false
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return { release: () => rmSync(path, { force: true }) }
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = Number(readIfThere(path) ?? 0)
    // Zero: it is being written, or was removed just now.
    if (holder !== 0 && !isAlive(holder)) rmSync(path, { force: true })
    if (!isTold) process.stderr.write('airworthy: waiting for another installation ...\n')
    isTold = true
    await sleep(200)
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
