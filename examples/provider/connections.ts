// The listener of the fake, and what a provider that is down does to connections.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * `reset`: every connection is reset as it comes, and those that are open at once ("provider down").
 * `refuse`: nothing listens. `silent`: connections are taken and nothing is said.
 */
export type ConnectionState = 'ok' | 'reset' | 'refuse' | 'silent'

export function isConnectionState(text: unknown): text is ConnectionState {
  return text === 'ok' || text === 'reset' || text === 'refuse' || text === 'silent'
}

const backlog = 1024

export class Connections {
  readonly #server: Server
  readonly #host: string
  readonly #sockets = new Set<Socket>()
  #port = 0
  #state: ConnectionState = 'ok'

  constructor(server: Server, host: string) {
    this.#server = server
    this.#host = host
    server.on('connection', (socket) => {
      if (this.#state === 'reset') {
        socket.resetAndDestroy()
        return
      }
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get state(): ConnectionState {
    return this.#state
  }

  get port(): number {
    return this.#port
  }

  async listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(port, this.#host, backlog, resolve)
    await promise.finally(() => this.#server.off('error', reject))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('there is no port')
    this.#port = address.port
  }

  /** Comes back on the same port after a `refuse`. */
  async set(state: ConnectionState): Promise<void> {
    if (state === this.#state) return
    const wasRefusing = this.#state === 'refuse'
    this.#state = state
    if (state !== 'ok') for (const socket of this.#sockets) socket.resetAndDestroy()
    if (state === 'refuse') await this.#close()
    else if (wasRefusing) await this.listen(this.#port)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#state !== 'refuse') await this.#close()
  }

  #close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }
}
