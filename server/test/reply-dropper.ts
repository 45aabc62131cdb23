// Stands between a client and PostgreSQL, and loses the server's replies from a point on: the
// client cannot know then whether what it sent was done.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type ReplyDropper = {
  /** The database's URL through this door. */
  readonly url: string
  /** Loses every reply from the moment the client next sends this text. */
  readonly dropAfter: (text: string) => void
  /** Ends the connections, and lets new ones through whole. */
  readonly cut: () => void
} & AsyncDisposable

export async function startReplyDropper(databaseUrl: string): Promise<ReplyDropper> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let trigger: string | undefined
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    let isDropping = false
    client.on('data', (chunk) => {
      if (trigger !== undefined && chunk.includes(trigger)) isDropping = true
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (!isDropping) client.write(chunk)
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      // An error is followed by `close`; the other side hears of it unless its replies are lost.
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        if (!isDropping) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const cut = (): void => {
    trigger = undefined
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    dropAfter: (text) => {
      trigger = text
    },
    cut,
    [Symbol.asyncDispose]: async () => {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
