// The one HTTP server. It stops in order: no new connections, calls in flight end, idle ones close.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AirworthyError } from '../core/errors.ts'

const headersTimeoutMs = 20_000
const drainTimeoutMs = 20_000

export class HttpServer implements AsyncDisposable {
  readonly url: string
  readonly failed: Promise<never>
  readonly #server: Server

  private constructor(server: Server, url: string, failed: Promise<never>) {
    this.#server = server
    this.url = url
    this.failed = failed
  }

  /** Throws `start.port_in_use`. */
  static async listen(options: {
    host: string
    port: number
    handle: (request: IncomingMessage, response: ServerResponse) => void
    log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  }): Promise<HttpServer> {
    const { host, port } = options
    const server = createServer(
      { headersTimeout: headersTimeoutMs, requestTimeout: 0 },
      options.handle,
    )
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(listenError(cause, host, port)))
      server.listen(port, host, resolve)
    })
    const failed = new Promise<never>((_resolve, reject) => {
      server.on('error', reject)
    })
    failed.catch((error: unknown) =>
      options.log('the HTTP server failed', { error: String(error) }),
    )
    const { port: bound } = addressOf(server)
    const shown = host.includes(':') ? `[${host}]` : host
    return new HttpServer(server, `http://${shown}:${bound}`, failed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => this.#server.closeAllConnections(), drainTimeoutMs)
    const sweep = setInterval(() => this.#server.closeIdleConnections(), 100)
    await closed
    clearTimeout(timer)
    clearInterval(sweep)
  }
}

function addressOf(server: Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address
}

function listenError(cause: Error, host: string, port: number): Error {
  const code = 'code' in cause ? cause.code : undefined
  if (code === 'EADDRINUSE') {
    const message = `port ${port} on ${host} is in use. Stop what uses it, or give --port (0: any)`
    return new AirworthyError('start.port_in_use', message, { cause, detail: { port } })
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    const message = `cannot listen on ${host}:${port} (${code}). Give another --host or --port`
    return new AirworthyError('start.config_invalid', message, { cause })
  }
  return cause
}
