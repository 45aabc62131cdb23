// The example shop, a real MCP server on PostgreSQL, in a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { asRecord, textAt } from './json.ts'

export const shopProgram = fileURLToPath(
  new URL('../../examples/retail/server.ts', import.meta.url),
)

/** Over HTTP; gives its MCP URL. */
export async function startShop(databaseUrl: string): Promise<AsyncDisposable & { url: string }> {
  const child = spawn(process.execPath, [shopProgram, '--http', '--port', '0'], {
    env: { ...process.env, RETAIL_DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const line = once(createInterface({ input: child.stdout }), 'line')
  const first = await Promise.race([
    line,
    exited.then(() => Promise.reject(new Error('the shop ended before it listened'))),
  ])
  const ready: unknown = JSON.parse(String(first[0]))
  return {
    url: textAt(asRecord(ready), 'listening'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
