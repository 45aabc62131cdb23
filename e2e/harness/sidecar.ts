// The real signing proxy, in a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { asRecord, textAt } from './json.ts'

const program = fileURLToPath(new URL('../../server/bin/airworthy.js', import.meta.url))
const readyWithinMs = 30_000

/** Rejects with what it printed when it does not start. */
export async function startSidecar(
  args: readonly string[],
): Promise<{ readonly url: string } & AsyncDisposable> {
  const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, [program, '--json', 'sidecar', ...listen, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  }
  const exited = once(child, 'exit')
  const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, unknown>>>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{"listening"')) return
    const parsed: unknown = JSON.parse(line)
    resolve(asRecord(parsed))
  })
  const late = setTimeout(() => reject(new Error(`not ready in time\n${output}`)), readyWithinMs)
  child.once('close', () => reject(new Error(`the proxy ended\n${output}`)))
  try {
    const ready = await promise
    return {
      url: textAt(ready, 'listening'),
      [Symbol.asyncDispose]: async () => {
        // The child may be a launcher in front of it.
        process.kill(Number(ready['pid']), 'SIGTERM')
        await exited
      },
    }
  } finally {
    clearTimeout(late)
  }
}
