// A newcomer's first command: `npm start -- --once` on a fresh clone, with an empty npm cache.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { repository } from '../airworthy.ts'
import { round } from '../figures.ts'
import { parseObject } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const runSecondsMax = 30
const outputCharsMax = 1_000_000
const wholeMsMax = 15 * 60_000

type Ended = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'airworthy-fresh-'))
  try {
    const clone = join(folder, 'clone')
    log('cloning')
    const cloned = await runToEnd(['git', 'clone', '--quiet', repository, clone], folder, log)
    if (cloned.exitCode !== 0) throw new Error(`git clone failed: ${cloned.stderr}`)
    const command = ['npm', 'start', '--', '--once', '--port', '0', '--json']
    log(command.join(' '))
    const began = performance.now()
    const ended = await runToEnd(command, clone, log, { npm_config_cache: join(folder, 'cache') })
    const totalSeconds = (performance.now() - began) / 1000
    return figuresOf(ended, totalSeconds)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function figuresOf(ended: Ended, totalSeconds: number): Figures {
  // The launcher ends its line about the installation with how long it took.
  const told = /install\w*[^\n]*?([\d.]+) s\b/.exec(ended.stderr)?.[1]
  const installSeconds = told === undefined ? 0 : Number(told)
  const runSeconds = round(totalSeconds - installSeconds, 1)
  const summary = ended.stdout
    .split('\n')
    .map(parseObject)
    .findLast((line) => line !== undefined)
  const { exitCode } = ended
  const isComplete = exitCode === 0 && told !== undefined && summary !== undefined
  return {
    exitCode,
    totalSeconds: round(totalSeconds, 1),
    installSeconds,
    runSeconds,
    runSecondsMax,
    summary: summary ?? null,
    ...(isComplete ? {} : { stderr: ended.stderr.slice(-2000) }),
    holds: isComplete && runSeconds < runSecondsMax,
  }
}

/** What npm and this checkout set for their own commands would make the clone less than fresh. */
function freshEnvironment(): Record<string, string> {
  const foreign = /^(npm_|NODE_|AIRWORTHY_|OPENAI_|ANTHROPIC_|OLLAMA_|DATABASE_URL$|INIT_CWD$|PG)/
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || foreign.test(name) ? [] : [[name, value]],
  )
  const environment: Record<string, string> = Object.fromEntries(kept)
  const folders = (environment['PATH'] ?? '').split(delimiter)
  environment['PATH'] = folders.filter((path) => !path.includes('node_modules')).join(delimiter)
  return environment
}

async function runToEnd(
  [program = '', ...args]: readonly string[],
  cwd: string,
  log: (line: string) => void,
  extra: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  const child = spawn(program, args, {
    cwd,
    env: { ...freshEnvironment(), ...extra },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: wholeMsMax,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = (stdout + chunk.toString('utf8')).slice(-outputCharsMax)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-outputCharsMax)
    for (const line of chunk.toString('utf8').split('\n')) if (line.trim() !== '') log(line)
  })
  child.once('error', reject)
  child.once('close', (exitCode) => {
    resolve({ exitCode, stdout, stderr })
  })
  return promise
}
