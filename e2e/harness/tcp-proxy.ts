// A door in front of a TCP server whose port changes when it is started again.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type TcpProxy = {
  readonly port: number
  aim(port: number): void
  /** From now on nothing passes, in either direction, and nobody is told so. */
  cut(): void
  /** New connections pass again; those that were cut are over. */
  mend(): void
} & AsyncDisposable

export async function startTcpProxy(aimed: number): Promise<TcpProxy> {
  let target = aimed
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((client) => {
    if (isCut) {
      sockets.add(client.pause())
      client.on('error', () => undefined)
      return
    }
    const upstream = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      // An error is followed by `close`, and that is passed on.
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    port,
    aim: (to) => {
      target = to
    },
    cut: () => {
      isCut = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    mend: () => {
      isCut = false
      for (const socket of sockets) socket.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
