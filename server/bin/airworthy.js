#!/usr/bin/env node
// Finds a Node.js that is new enough and runs the command line with it. Plain and old JavaScript,
// because the Node.js that runs this file may be the one that is too old.

import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants } from 'node:os'

const majorMin = 24
const here = dirname(realpathSync(fileURLToPath(import.meta.url)))

/** A Node.js refuses to strip types below node_modules, so an installed package runs its build. */
function entryPoint() {
  const source = join(here, '..', 'src', 'cli', 'main.ts')
  const isInstalled = here.split(sep).includes('node_modules')
  return !isInstalled && existsSync(source) ? source : join(here, '..', 'dist', 'cli', 'main.js')
}

function newEnoughNode() {
  if (Number(process.versions.node.split('.')[0]) >= majorMin) return process.execPath
  const pinned = join(here, '..', '..', 'node_modules', '.bin', 'node')
  return existsSync(pinned) ? pinned : undefined
}

// Calls wait for a commit, so much of what they hold survives a small young generation, is copied,
// and then fills the old one: with 8 MB the collector took a third of the processor.
const flags = [
  '--max-semi-space-size=32',
  '--min-semi-space-size=16',
  '--conditions=airworthy-source',
]

function run(node, entry) {
  const args = [...flags, entry, ...process.argv.slice(2)]
  // Stripped and compiled once: later starts are quicker, and need no type stripper in memory.
  const cache = join(here, '..', '..', 'node_modules', '.cache', 'compile')
  const env = { NODE_COMPILE_CACHE: cache, ...process.env }
  // Taking this process's place leaves nothing between the server and who sends it signals.
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], env)
  const child = spawn(node, args, { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => {
    console.error(`airworthy: ${node} cannot be started: ${error.message}`)
    process.exitCode = 1
  })
  child.on('close', (code, signal) => {
    process.exitCode = code === null ? 128 + (constants.signals[signal] || 0) : code
    // A closed pipe or a listener of ours must not keep this process when the work is over.
    process.exit()
  })
}

const node = newEnoughNode()
const entry = entryPoint()
if (node === undefined) {
  console.error(
    `airworthy needs Node.js ${majorMin} or later, and this is ${process.version}. ` +
      'Install it from https://nodejs.org, or run "npm ci" in the checkout.',
  )
  process.exitCode = 1
} else if (!existsSync(entry)) {
  console.error('airworthy is not built here: run "npm run build" in the checkout.')
  process.exitCode = 1
} else {
  run(node, entry)
}
