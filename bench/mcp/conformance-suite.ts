// Runs the official MCP conformance suite against a server, and reads what it found.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isRecord } from '../processes.ts'

export type Check = { readonly id: string; readonly status: string; readonly message: string }
/** By scenario, in the order of their names. */
export type SuiteResult = ReadonlyMap<string, readonly Check[]>

const packageName = '@modelcontextprotocol/conformance'
const endsWithinMs = 240_000
const outputCharsMax = 4000
/** Of what the suite saw, not of what it judged. */
const notJudged = new Set(['INFO', 'SKIPPED'])

export async function runSuite(url: string): Promise<SuiteResult> {
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-conformance-'))
  try {
    await runCommand(['server', '--url', url, '--suite', 'all', '--output-dir', directory])
    return await readResults(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

export async function suiteVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(suiteRoot(), 'package.json'), 'utf8'))
  return isRecord(manifest) ? String(manifest['version']) : ''
}

function suiteRoot(): string {
  return dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`))
}

/** The suite ends with 1 when a scenario fails; its files say which. */
async function runCommand(args: readonly string[]): Promise<void> {
  const program = join(suiteRoot(), 'dist', 'index.js')
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-outputCharsMax)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const timer = setTimeout(() => child.kill('SIGKILL'), endsWithinMs)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  if (code !== 0 && code !== 1) throw new Error(`the suite ended with ${String(code)}\n${output}`)
}

async function readResults(directory: string): Promise<SuiteResult> {
  const results = new Map<string, readonly Check[]>()
  const folders = await readdir(directory)
  for (const folder of folders.toSorted()) {
    const [, scenario] = /^server-(.+?)-\d{4}-\d\d-\d\dT/.exec(folder) ?? []
    if (scenario === undefined) continue
    const text = await readFile(join(directory, folder, 'checks.json'), 'utf8')
    const checks: unknown = JSON.parse(text)
    if (!Array.isArray(checks)) throw new Error(`${folder} holds no list of checks`)
    results.set(scenario, checks.flatMap(readCheck))
  }
  return results
}

function readCheck(check: unknown): Check[] {
  if (!isRecord(check)) return []
  const { id, status, errorMessage } = check
  if (typeof id !== 'string' || typeof status !== 'string' || notJudged.has(status)) return []
  return [{ id, status, message: typeof errorMessage === 'string' ? errorMessage : '' }]
}
