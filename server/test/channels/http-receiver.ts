// What receives webhooks in tests: a real HTTP server that keeps what came, and answers as it is told.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ReceivedPost = {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type HttpReceiver = {
  readonly url: string
  readonly posts: readonly ReceivedPost[]
  /** What the next posts are answered; 204 where it says nothing. */
  answer(by: (post: ReceivedPost, response: ServerResponse) => void): void
} & AsyncDisposable

export async function startHttpReceiver(port = 0): Promise<HttpReceiver> {
  const posts: ReceivedPost[] = []
  const taken = (_: ReceivedPost, response: ServerResponse): void =>
    void response.writeHead(204).end()
  let answering = taken
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8')
      const post = { path: request.url ?? '', headers: request.headers, body }
      posts.push(post)
      answering(post, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port: taking } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${taking}`,
    posts,
    answer: (by) => {
      answering = by
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
