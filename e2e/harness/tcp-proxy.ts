// A door in front of a TCP server whose port changes when it is started again.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type TcpProxy = { readonly port: number; aim(port: number): void } & AsyncDisposable

export async function startTcpProxy(aimed: number): Promise<TcpProxy> {
  let target = aimed
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
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
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
