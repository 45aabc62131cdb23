// A tool server over stdio that behaves badly on purpose, as its first argument says.
//   crash   ends in the middle of a call, after the effect
//   garbage answers a call with something that is no JSON-RPC
//   chatty  writes on stdout what does not belong there, and works
//   huge    answers a call with 40 MiB
//   unlisted refuses to list its tools
import { appendFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [behaviour = '', journal = ''] = process.argv.slice(2)

function reply(id: unknown, result: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
}

const objectSchema = { type: 'object', properties: {} }
const tools = [
  { name: 'write_order', description: 'Writes.', inputSchema: objectSchema },
  { name: 'get_order', description: 'Reads.', inputSchema: objectSchema },
]

function take(message: { id?: unknown; method?: string; params?: unknown }): void {
  const { id, method } = message
  if (method === 'initialize') {
    const serverInfo = { name: 'bad', version: '0' }
    reply(id, { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo })
  } else if (method === 'tools/list') {
    if (behaviour === 'unlisted') refuseList(id)
    else reply(id, { tools })
  } else if (method === 'tools/call') {
    // Only writes are asked of it, or reads after a write failed; each leaves its mark.
    appendFileSync(journal, `${JSON.stringify(message.params)}\n`)
    callTool(id)
  }
}

function refuseList(id: unknown): void {
  appendFileSync(journal, `${process.pid}\n`)
  const error = { code: -32000, message: 'not today' }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error })}\n`)
}

function callTool(id: unknown): void {
  if (behaviour === 'crash') process.exit(3)
  if (behaviour === 'garbage') process.stdout.write('{"jsonrpc":"2.0","id":\n')
  else if (behaviour === 'huge') {
    reply(id, { content: [{ type: 'text', text: 'x'.repeat(40 * 1024 * 1024) }] })
  } else {
    if (behaviour === 'chatty') process.stdout.write('DEBUG: called\n')
    reply(id, { content: [{ type: 'text', text: 'done' }] })
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const message: { id?: unknown; method?: string; params?: unknown } = JSON.parse(line)
  take(message)
})
