// Hands one e-mail for one recipient to an SMTP server.
import type { EmailTarget } from '../../core/channel/target.ts'
import { DeliveryFailure } from './delivery-failure.ts'
import { checkedAddresses, type Reach } from './reach.ts'
import { SmtpConnection, type SmtpReply } from './smtp-connection.ts'

export type EmailToSend = {
  readonly target: EmailTarget
  readonly to: string
  readonly password: string | undefined
  /** RFC 5322, lines ended by CRLF. */
  readonly text: Buffer
  readonly reach: Reach
  readonly signal: AbortSignal
}

/** Resolves when the server has taken it. Throws `DeliveryFailure`, `upstream.address_forbidden`. */
export async function sendEmail(email: EmailToSend): Promise<void> {
  const { target, to, text, reach, signal } = email
  const { host, port, tls, from } = target
  const addresses = await checkedAddresses(reach, { host, privateOnly: tls === 'none' })
  using connection = SmtpConnection.open({
    host,
    port,
    addresses,
    isImplicitTls: tls === 'implicit',
    signal,
  })
  await connection.expect([220], 'the connection')
  let extensions = await hello(connection, from)
  if (tls === 'starttls') {
    // Never without it: who takes the offer away would read the password.
    if (!extensions.has('STARTTLS')) {
      throw new DeliveryFailure('the mail server offers no STARTTLS')
    }
    await connection.startTls()
    extensions = await hello(connection, from)
  }
  await authenticate(connection, email, extensions.get('AUTH'))
  await connection.command(`MAIL FROM:<${from}>`, [250])
  await connection.command(`RCPT TO:<${to}>`, [250, 251])
  await connection.command('DATA', [354])
  await connection.data(text)
  // It has been taken: nobody waits for the answer, and nothing is sent again for the lack of it.
  connection.quit()
}

/** Extensions by keyword, with their parameters. */
async function hello(connection: SmtpConnection, from: string): Promise<Map<string, string>> {
  const domain = from.slice(from.lastIndexOf('@') + 1)
  const reply: SmtpReply = await connection.command(`EHLO ${domain}`, [250])
  return new Map(
    reply.lines.slice(1).map((line) => {
      const [keyword = '', ...parameters] = line.trim().split(/[ =]+/)
      return [keyword.toUpperCase(), parameters.join(' ').toUpperCase()]
    }),
  )
}

async function authenticate(
  connection: SmtpConnection,
  { target, password }: EmailToSend,
  offered: string | undefined,
): Promise<void> {
  const { username, tls } = target
  if (username === undefined || password === undefined) return
  if (tls === 'none') throw new DeliveryFailure('a password needs TLS', { isPermanent: true })
  const mechanisms = (offered ?? '').split(' ')
  if (mechanisms.includes('PLAIN')) {
    const plain = base64(`\u0000${username}\u0000${password}`)
    await connection.command(`AUTH PLAIN ${plain}`, [235], 'AUTH PLAIN')
    return
  }
  if (!mechanisms.includes('LOGIN')) {
    throw new DeliveryFailure('the mail server offers neither AUTH PLAIN nor AUTH LOGIN')
  }
  await connection.command('AUTH LOGIN', [334], 'AUTH LOGIN')
  await connection.command(base64(username), [334], 'the user name')
  await connection.command(base64(password), [235], 'the password')
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
