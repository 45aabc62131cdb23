// A mail server for tests: real SMTP on a real socket, with STARTTLS, AUTH and its own ill will.
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { certificate, certificateKey } from '../identity/certificate.ts'

export type ReceivedMail = {
  readonly from: string
  readonly to: string
  /** As it came, with doubled dots undone. */
  readonly text: string
  readonly isSecured: boolean
  /** Who signed in. */
  readonly user: string | undefined
}

export type SmtpBehaviour = {
  /** What a command is answered instead, by its first word; `''` is the greeting. */
  readonly answers?: Readonly<Record<string, string>>
  readonly extensions?: readonly string[]
  /** Said in the clear right behind the answer to STARTTLS. */
  readonly injected?: string
  readonly isSilent?: boolean
  readonly password?: string
  readonly isImplicitTls?: boolean
}

export type SmtpServer = {
  readonly port: number
  readonly mails: readonly ReceivedMail[]
  /** Commands as they came, of all connections. */
  readonly commands: readonly string[]
  behave(behaviour: SmtpBehaviour): void
} & AsyncDisposable

const tls = { key: certificateKey, cert: certificate, isServer: true }

export async function startSmtpServer(initial: SmtpBehaviour = {}): Promise<SmtpServer> {
  let behaviour = initial
  const mails: ReceivedMail[] = []
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    const conversation = new Conversation(() => behaviour, { mails, commands })
    if (behaviour.isImplicitTls === true) conversation.secure(socket)
    else conversation.listen(socket)
    if (behaviour.isSilent !== true) conversation.greet()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    port,
    mails,
    commands,
    behave: (next) => {
      behaviour = next
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

class Conversation {
  readonly #behaviour: () => SmtpBehaviour
  readonly #record: { readonly mails: ReceivedMail[]; readonly commands: string[] }
  #socket: Socket | undefined
  #received = ''
  #from = ''
  #to = ''
  #user: string | undefined
  #isSecured = false
  /** What the next line is, where it is no command. */
  #awaits: 'data' | 'user' | 'password' | undefined
  #loginUser = ''

  constructor(
    behaviour: () => SmtpBehaviour,
    record: { readonly mails: ReceivedMail[]; readonly commands: string[] },
  ) {
    this.#behaviour = behaviour
    this.#record = record
  }

  greet(): void {
    this.#say(this.#behaviour().answers?.[''] ?? '220 mail.test ESMTP')
  }

  listen(socket: Socket): void {
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1')
      this.#read()
    })
  }

  secure(raw: Socket): void {
    raw.removeAllListeners('data')
    this.#received = ''
    this.#isSecured = true
    this.listen(new TLSSocket(raw, tls))
  }

  #say(line: string): void {
    this.#socket?.write(`${line}\r\n`)
  }

  #read(): void {
    for (;;) {
      const end = this.#received.indexOf(this.#awaits === 'data' ? '\r\n.\r\n' : '\r\n')
      if (end < 0) return
      const piece = this.#received.slice(0, end)
      this.#received = this.#received.slice(end + (this.#awaits === 'data' ? 5 : 2))
      if (this.#awaits === 'data') this.#take(piece)
      else this.#answer(piece)
    }
  }

  #take(data: string): void {
    this.#awaits = undefined
    const text = Buffer.from(data.replaceAll(/^\.\./gm, '.'), 'latin1').toString('utf8')
    const answer = this.#behaviour().answers?.['.']
    if (answer !== undefined) {
      this.#say(answer)
      return
    }
    this.#record.mails.push({
      from: this.#from,
      to: this.#to,
      text,
      isSecured: this.#isSecured,
      user: this.#user,
    })
    this.#say('250 taken')
  }

  #answer(line: string): void {
    if (this.#awaits !== undefined) {
      this.#login(line)
      return
    }
    this.#record.commands.push(line)
    const [verb = ''] = line.toUpperCase().split(' ')
    const { answers, extensions = ['STARTTLS', 'AUTH PLAIN LOGIN'] } = this.#behaviour()
    const given = answers?.[line] ?? answers?.[verb]
    if (given !== undefined) {
      this.#say(given)
      return
    }
    switch (verb) {
      case 'EHLO': {
        const offered = extensions.filter((each) => each !== 'STARTTLS' || !this.#isSecured)
        const lines = ['mail.test', ...offered]
        lines.forEach((each, at) => this.#say(`250${at === lines.length - 1 ? ' ' : '-'}${each}`))
        return
      }
      case 'STARTTLS':
        this.#startTls()
        return
      case 'AUTH':
        this.#authenticate(line)
        return
      case 'MAIL':
        this.#from = line
        this.#say('250 ok')
        return
      case 'RCPT':
        this.#to = line.slice('RCPT TO:<'.length, -1)
        this.#say('250 ok')
        return
      case 'DATA':
        this.#awaits = 'data'
        this.#say('354 go on')
        return
      case 'QUIT':
        this.#say('221 bye')
        return
      default:
        this.#say('500 what?')
    }
  }

  #startTls(): void {
    const raw = this.#socket
    const { injected } = this.#behaviour()
    if (raw === undefined) return
    raw.write(`220 go on\r\n${injected ?? ''}`)
    this.secure(raw)
  }

  #authenticate(line: string): void {
    const [, mechanism, initial = ''] = line.split(' ')
    if (mechanism === 'PLAIN') {
      const [, user = '', password = ''] = decoded(initial).split('\u0000')
      this.#signIn(user, password)
      return
    }
    this.#awaits = 'user'
    this.#say('334 VXNlcm5hbWU6')
  }

  #login(line: string): void {
    if (this.#awaits === 'user') {
      this.#loginUser = decoded(line)
      this.#awaits = 'password'
      this.#say('334 UGFzc3dvcmQ6')
      return
    }
    this.#awaits = undefined
    this.#signIn(this.#loginUser, decoded(line))
  }

  #signIn(user: string, password: string): void {
    const isRight = password === (this.#behaviour().password ?? 'secret')
    if (isRight) this.#user = user
    this.#say(isRight ? '235 welcome' : '535 wrong')
  }
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8')
}
