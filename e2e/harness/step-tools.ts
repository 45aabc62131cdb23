// The tool server with barriers, started, killed and commanded from outside.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { asRecord, at, textAt } from './json.ts'
import type { JournalLine, Plan } from './step-server.ts'

export type { Fault, JournalLine, Place, Plan } from './step-server.ts'

const program = fileURLToPath(new URL('./step-server.ts', import.meta.url))

export type StepTools = {
  /** Stays the same when it is killed and started again. */
  readonly mcpUrl: string
  readonly plan: (plans: readonly Plan[]) => Promise<void>
  /** Sessions whose call waits at its barrier, and how many calls were answered in full. */
  readonly look: () => Promise<{ parked: string[]; replies: number }>
  /** Lets all that wait go on, but those of these sessions: they end without an effect. */
  readonly release: (abandon?: readonly string[]) => Promise<void>
  /** SIGKILL; what waits is lost, the journal stays. */
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
  readonly journal: () => Promise<JournalLine[]>
} & AsyncDisposable

export async function startStepTools(journalFile: string): Promise<StepTools> {
  let child = await launch(0, journalFile)
  const { url } = child
  const port = Number(new URL(url).port)
  const command = async (body: object): Promise<unknown> => {
    const response = await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify(body) })
    return response.json()
  }
  return {
    mcpUrl: `${url}/mcp`,
    plan: async (plans) => void (await command({ plans })),
    look: async () => {
      const seen: unknown = await command({})
      const parked: unknown = at(seen, 'parked')
      return {
        parked: Array.isArray(parked) ? parked.map(String) : [],
        replies: Number(at(seen, 'replies')),
      }
    },
    release: async (abandon = []) => void (await command({ abandon })),
    kill: () => child.kill(),
    start: async () => {
      child = await launch(port, journalFile)
    },
    journal: () => readJournal(journalFile),
    [Symbol.asyncDispose]: () => child.kill(),
  }
}

async function launch(
  port: number,
  journalFile: string,
): Promise<{ url: string; kill: () => Promise<void> }> {
  const args = [program, '--port', String(port), '--journal', journalFile]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const line = once(createInterface({ input: child.stdout }), 'line')
  const early = exited.then(() => Promise.reject(new Error('the step server ended at once')))
  const first = await Promise.race([line, early])
  const ready: unknown = JSON.parse(String(first[0]))
  return {
    url: textAt(asRecord(ready), 'listening'),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function readJournal(file: string): Promise<JournalLine[]> {
  const text = await readFile(file, 'utf8')
  return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []))
}
