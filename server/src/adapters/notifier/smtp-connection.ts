// One connection to an SMTP server: a command, its reply, and TLS over the same socket (RFC 5321, 3207).
import type { LookupAddress } from 'node:dns'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { plainText } from '../../core/channel/plain-text.ts'
import { DeliveryFailure } from './delivery-failure.ts'
import { lookupOf } from '../host-addresses.ts'

const lineBytesMax = 2048
const replyLinesMax = 100
const shownCharactersMax = 200

/** Of these a 5xx is for good. A refused connection or password may be well tomorrow. */
const refusesMessage: ReadonlySet<string> = new Set(['RCPT', 'DATA', 'the message'])

export type SmtpReply = { readonly code: number; readonly lines: readonly string[] }

export type SmtpEndpoint = {
  readonly host: string
  readonly port: number
  readonly addresses: readonly LookupAddress[]
  readonly isImplicitTls: boolean
  /** Ends everything: the time of the whole delivery. */
  readonly signal: AbortSignal
}

export class SmtpConnection implements Disposable {
  readonly #endpoint: SmtpEndpoint
  #socket: Socket
  #received = ''
  #failure: Error | undefined
  #wake: () => void = () => undefined
  readonly #abort = (): void => {
    this.#fail(new DeliveryFailure('the mail server did not answer in time'))
  }

  private constructor(endpoint: SmtpEndpoint, socket: Socket) {
    this.#endpoint = endpoint
    this.#socket = socket
    this.#listen(socket)
    endpoint.signal.addEventListener('abort', this.#abort)
    if (endpoint.signal.aborted) this.#abort()
  }

  static open(endpoint: SmtpEndpoint): SmtpConnection {
    const { host, port, addresses, isImplicitTls } = endpoint
    const place = { host, port, lookup: lookupOf(addresses) }
    const socket = isImplicitTls ? connectTls({ ...place, ...serverName(host) }) : connectTcp(place)
    return new SmtpConnection(endpoint, socket)
  }

  /**
   * Sends a line and reads the reply to it. Throws `DeliveryFailure`, which names the line's first word
   * or `said`, when it is not one of `expected`.
   */
  async command(
    line: string,
    expected: readonly number[],
    said: string = line.split(' ')[0] ?? line,
  ): Promise<SmtpReply> {
    if (/[\r\n]/.test(line)) throw new DeliveryFailure('a command would hold a line end')
    this.#write(`${line}\r\n`)
    return this.expect(expected, said)
  }

  /** The text of an e-mail, whose lines end in CRLF; a dot that begins a line is doubled. */
  async data(text: Buffer): Promise<SmtpReply> {
    const stuffed = text.toString('latin1').replaceAll(/^\./gm, '..')
    const end = stuffed.endsWith('\r\n') ? '.\r\n' : '\r\n.\r\n'
    this.#write(Buffer.from(stuffed + end, 'latin1'))
    return this.expect([250], 'the message')
  }

  quit(): void {
    if (this.#failure === undefined) this.#socket.end('QUIT\r\n')
  }

  async expect(expected: readonly number[], said: string): Promise<SmtpReply> {
    const reply = await this.#read()
    if (expected.includes(reply.code)) return reply
    const words = plainText(reply.lines.join(' '), shownCharactersMax)
    // RFC 3463: what is wrong, as a number.
    const [status] = /^[245]\.\d{1,3}\.\d{1,3}\b/.exec(words) ?? []
    const why = status === undefined ? '' : `: ${status}`
    throw new DeliveryFailure(`the mail server answered ${reply.code} to ${said}${why}`, {
      words,
      isPermanent: reply.code >= 500 && refusesMessage.has(said),
    })
  }

  /** Goes on in TLS. What came before the handshake is not trusted after it. */
  async startTls(): Promise<void> {
    await this.command('STARTTLS', [220])
    if (this.#received !== '') throw new DeliveryFailure('the mail server spoke before TLS began')
    this.#socket.removeAllListeners()
    this.#socket.on('error', () => undefined)
    const { host } = this.#endpoint
    const secured = connectTls({ socket: this.#socket, host, ...serverName(host) })
    this.#socket = secured
    this.#listen(secured)
    await this.#secured(secured)
  }

  [Symbol.dispose](): void {
    this.#endpoint.signal.removeEventListener('abort', this.#abort)
    this.#socket.destroy()
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1')
      if (this.#received.length > lineBytesMax * replyLinesMax) {
        this.#fail(new DeliveryFailure('the mail server says too much'))
      }
      this.#wake()
    })
    socket.on('error', (cause) => {
      this.#fail(
        new DeliveryFailure(`no connection to the mail server: ${cause.message}`, { cause }),
      )
    })
    socket.on('close', () =>
      this.#fail(new DeliveryFailure('the mail server closed the connection')),
    )
  }

  async #secured(socket: TLSSocket): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    socket.once('secureConnect', resolve)
    this.#wake = resolve
    await promise
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(failure: Error): void {
    this.#failure ??= failure
    this.#socket.destroy()
    this.#wake()
  }

  #write(bytes: string | Buffer): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#socket.write(bytes)
  }

  async #read(): Promise<SmtpReply> {
    const lines: string[] = []
    while (lines.length < replyLinesMax) {
      const line = await this.#line()
      const [, code, more, text = ''] = /^([2-5]\d\d)([ -]?)(.*)$/.exec(line) ?? []
      if (code === undefined) throw new DeliveryFailure('what answers there is no mail server')
      lines.push(text)
      if (more !== '-') return { code: Number(code), lines }
    }
    throw new DeliveryFailure('the mail server says too much')
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#received.slice(0, end)
        this.#received = this.#received.slice(end + 2)
        return line
      }
      // What came before the end is still read: a server may say why it closes.
      if (this.#failure !== undefined) throw this.#failure
      if (this.#received.length > lineBytesMax) {
        throw new DeliveryFailure('the mail server sent too long a line')
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
  }
}

/** The certificate is checked for the host; that a server is told its name is only for names. */
function serverName(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {}
}
