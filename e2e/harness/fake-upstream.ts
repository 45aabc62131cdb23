// A fake model provider, on the OpenAI and the Anthropic wire. The base URL says how it answers:
// `/echo/v1`, `/garbage/v1`, ...; the faults are real ones of HTTP, TCP and server-sent events.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGate, type Gate } from './until.ts'
import { type Answer, type Asked, behaviours } from './upstream-behaviours.ts'
import { wireBehaviours } from './wire-behaviours.ts'

const all: Readonly<Record<string, Answer>> = { ...behaviours, ...wireBehaviours }

export type FakeUpstream = {
  readonly url: string
  /** The base URL of a behaviour; `tag` tells one test's requests from another's. */
  readonly base: (behaviour: string, tag: string) => string
  readonly asked: (tag: string) => readonly Asked[]
  /** Requests of this tag that reach a gate wait for it. */
  readonly gate: (tag: string) => Gate
} & AsyncDisposable

/** Paths are `/<behaviour>/<tag>/v1/...`. */
const pathPattern = /^\/([\w-]+)\/([\w-]+)\/v1\//

export async function startFakeUpstream(): Promise<FakeUpstream> {
  const asked = new Map<string, Asked[]>()
  const gates = new Map<string, Gate>()
  const server = createServer((request, response) => {
    response.on('error', () => undefined)
    void take(request, response).catch(() => response.destroy())
  })
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, behaviour = '', tag = ''] = pathPattern.exec(request.url ?? '') ?? []
    const body = await readAll(request)
    const entry: Asked = {
      behaviour,
      path: request.url ?? '',
      headers: request.headers,
      body,
      isGone: false,
    }
    response.on('close', () => {
      entry.isGone = !response.writableFinished
    })
    const list = asked.get(tag) ?? []
    asked.set(tag, list)
    list.push(entry)
    const passGate = async (): Promise<void> => gates.get(tag)?.passed
    await all[behaviour]?.({ asked: entry, response, passGate })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    base: (behaviour, tag) => `${url}/${behaviour}/${tag}/v1`,
    asked: (tag) => asked.get(tag) ?? [],
    gate: (tag) => {
      const gate = createGate()
      gates.set(tag, gate)
      return gate
    },
    [Symbol.asyncDispose]: async () => {
      for (const gate of gates.values()) gate.open()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
