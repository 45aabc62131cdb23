// Entry of the shop: opens the database, seeds it once and serves MCP until it is told to stop.
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serveHttp } from './http.ts'
import { createMcpServer, openDesk } from './mcp-server.ts'
import type { Desk } from './mcp-server.ts'
import { parseServerOptions, USAGE } from './options.ts'
import type { ServerOptions } from './options.ts'
import { seedShop } from './seed/source.ts'
import { openShop } from './shop/shop.ts'

const POOL_MAX = 16

async function serve(options: ServerOptions): Promise<void> {
  const stopped = untilStopped(options)
  await using shop = await openShop({ databaseUrl: options.databaseUrl, poolMax: POOL_MAX })
  await seedShop(shop, options.seed)
  const desk = openDesk(shop, { ...options, seedName: options.seed.name })
  if (options.listen.kind === 'stdio') return await serveStdio(desk, stopped)
  const http = await serveHttp(shop, desk, options.listen.port)
  console.log(JSON.stringify({ listening: http.url }))
  await stopped
  desk.hurry()
  await http.stop()
  // A client may have hung up while its write was running: the write is finished all the same.
  await desk.idle()
}

async function serveStdio(desk: Desk, stopped: Promise<void>): Promise<void> {
  const mcp = createMcpServer(desk)
  await mcp.connect(new StdioServerTransport())
  await stopped
  desk.hurry()
  await desk.idle()
  // The reply to the last call is written in the turn after the call itself ends.
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  await mcp.close()
}

function untilStopped(options: ServerOptions): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  process.once('SIGTERM', resolve)
  process.once('SIGINT', resolve)
  if (options.listen.kind === 'stdio') {
    process.stdin.once('end', resolve)
    process.stdin.once('close', resolve)
  }
  return promise
}

// One line for the operator: what could not be done, and what the system said about it.
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const first = error instanceof AggregateError ? describe(error.errors[0]) : error.message
  return error.cause === undefined ? first : `${first}: ${describe(error.cause)}`
}

async function main(): Promise<void> {
  let options: ServerOptions
  try {
    options = parseServerOptions(process.argv.slice(2), process.env)
  } catch (error) {
    console.error(`retail: ${describe(error)}\n${USAGE}`)
    process.exitCode = 2
    return
  }
  try {
    await serve(options)
  } catch (error) {
    console.error(`retail: ${describe(error)}`)
    process.exitCode = 1
  }
}

await main()
