// The fake provider as a program: prints one line when it listens, and runs until it is told to stop.
import { parseArgs } from 'node:util'
import { startFakeProvider } from './server.ts'

const usage = 'usage: main.ts [--port 0] [--seed text] [--json]'
const exitUsage = 64

function readArguments() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      seed: { type: 'string', default: 'seed' },
      json: { type: 'boolean', default: false },
    },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError('no such port')
  return { ...values, port }
}

async function main(): Promise<void> {
  let options: ReturnType<typeof readArguments>
  try {
    options = readArguments()
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${usage}\n`)
    process.exitCode = exitUsage
    return
  }
  const provider = await startFakeProvider({ port: options.port, seed: options.seed })
  const ready = { listening: provider.url, control: provider.controlUrl, pid: process.pid }
  const line = options.json
    ? JSON.stringify(ready)
    : `the fake provider listens on ${provider.url}; books and faults on ${provider.controlUrl}`
  process.stdout.write(`${line}\n`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void provider[Symbol.asyncDispose]().then(() => process.exit(0)))
  }
}

await main()
