// node scripts/launch.mjs <task> [arguments]: installs when needed, then runs the task with the
// pinned Node.js. Plain JavaScript: it starts on the machine's own Node.js, which may be old.

import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installIfStale } from './install.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const majorMin = 24

/** Each task is a list of commands; the next one runs when the one before it succeeded. */
const tasks = {
  start: (args) => [source('examples/flight/start.ts', args)],
  evidence: (args) => [source('bench/evidence/main.ts', args)],
  bench: (args) => [source('bench/gateway/main.ts', args)],
  test: (args) => [source('scripts/test.ts', args)],
  types: () => [['tsc', '--noEmit', '-p', 'tsconfig.json']],
  lint: () => [
    ['oxlint', '--type-aware', '--deny-warnings', '.'],
    ['oxfmt', '--check', '.'],
  ],
  format: () => [['oxfmt', '.']],
  tidy: () => [
    ['knip'],
    ['node', '--test', '--conditions=airworthy-source', 'server/test/tidy.test.ts'],
  ],
  build: () => [
    ['tsc', '-p', 'sdk/tsconfig.build.json'],
    ['tsc', '-p', 'server/tsconfig.build.json'],
    ['node', 'scripts/build-verifier.ts'],
  ],
}

function source(file, args) {
  return ['node', '--conditions=airworthy-source', file, ...args]
}

function pinnedNode() {
  const pinned = join(bin, 'node')
  if (existsSync(pinned)) return pinned
  return Number(process.versions.node.split('.')[0]) >= majorMin ? process.execPath : undefined
}

/** Runs one command to its end and passes signals on; resolves to its exit code. */
function run(command, environment) {
  const [program, ...args] = command
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: environment, stdio: 'inherit' })
    const forward = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    const finish = (code) => {
      for (const signal of signals) process.off(signal, forward)
      resolve(code)
    }
    child.on('error', (error) => {
      console.error(`airworthy: ${program} cannot be started: ${error.message}`)
      finish(1)
    })
    child.on('close', (code, signal) => finish(code ?? 128 + (constants.signals[signal] ?? 0)))
  })
}

async function main([name = '', ...args]) {
  if (!Object.hasOwn(tasks, name)) {
    console.error(`airworthy: unknown task "${name}"; there are ${Object.keys(tasks).join(', ')}`)
    return 64
  }
  if (!(await installIfStale(root))) return 1
  const node = pinnedNode()
  if (node === undefined) {
    console.error(
      `airworthy: Node.js ${majorMin} or later is needed, and this is ${process.version}. ` +
        'Install it from https://nodejs.org.',
    )
    return 1
  }
  const environment = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`,
    NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compile'),
  }
  if (name === 'build') {
    for (const workspace of ['sdk', 'server']) {
      rmSync(join(root, workspace, 'dist'), { recursive: true, force: true })
    }
  }
  for (const [program, ...rest] of tasks[name](args)) {
    const code = await run([program === 'node' ? node : join(bin, program), ...rest], environment)
    if (code !== 0) return code
  }
  return 0
}

process.exitCode = await main(process.argv.slice(2))
