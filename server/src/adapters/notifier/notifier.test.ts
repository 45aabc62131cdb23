// Messages to real receivers: HTTP servers and a mail server of this machine.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { WebhookVerifier } from '@airworthy/sdk'
import type { Message } from '../../core/channel/message.ts'
import type { ChannelTarget } from '../../core/channel/target.ts'
import { formatWebhookSecret } from '../../core/channel/webhook-signature.ts'
import { certificate } from '../../../test/identity/certificate.ts'
import { type HttpReceiver, startHttpReceiver } from '../../../test/channels/http-receiver.ts'
import { type SmtpServer, startSmtpServer } from '../../../test/channels/smtp-server.ts'
import { createNotifier, type Notifier } from './notifier.ts'

const hostile = '<!channel> [Approve](http://evil.example) & `x`\r\nBcc: evil@example.com'
const message: Message = {
  kind: 'hold.opened',
  at: '2026-11-22T10:00:00.000Z',
  title: `A call waits: ${hostile}`,
  facts: [
    { label: 'Amount', value: '12.50 EUR' },
    { label: 'Counterparty', value: hostile },
    { label: 'Über', value: '€' },
  ],
  commands: ['airworthy hold show 1', '.begins with a dot'],
  url: 'https://airworthy.example/v1/holds/1',
  data: { id: '1', amount: { minor: '1250', currency: 'EUR' } },
}
const secrets = [1, 2].map((byte) => formatWebhookSecret(Buffer.alloc(32, byte)))

let receiver: HttpReceiver
let mail: SmtpServer
const notifier = createNotifier({
  allowPrivate: ['127.0.0.1', 'localhost'],
  secretOf: (name) => (name === 'PASSWORD' ? 'secret' : undefined),
})
before(async () => {
  setDefaultCACertificates([...getCACertificates('default'), certificate])
  receiver = await startHttpReceiver()
  mail = await startSmtpServer()
})
after(async () => {
  await receiver[Symbol.asyncDispose]()
  await mail[Symbol.asyncDispose]()
})

function send(
  target: ChannelTarget,
  options: { by?: Notifier; signal?: AbortSignal } = {},
): Promise<void> {
  return (options.by ?? notifier).send({
    target,
    recipient: target.kind === 'email' ? (target.to[0] ?? '') : '',
    deliveryId: '019a0000-0000-7000-8000-000000000001',
    threadId: '019a0000-0000-7000-8000-000000000002',
    message,
    signal: options.signal ?? new AbortController().signal,
  })
}

function webhook(changes: { url?: string; untilMs?: number } = {}): ChannelTarget {
  const [first = '', second = ''] = secrets
  return {
    kind: 'webhook',
    url: changes.url ?? `${receiver.url}/hook?a=b`,
    secrets: [
      { secret: first, untilMs: null },
      { secret: second, untilMs: changes.untilMs ?? Date.now() + 60_000 },
    ],
  }
}

function email(changes: Partial<Extract<ChannelTarget, { kind: 'email' }>> = {}): ChannelTarget {
  return {
    kind: 'email',
    host: 'localhost',
    port: mail.port,
    tls: 'starttls',
    username: 'airworthy',
    password: 'env:PASSWORD',
    from: 'airworthy@example.com',
    to: ['duty@example.com'],
    ...changes,
  }
}

suite('webhooks', () => {
  test('are signed by each secret that is still good, and by no other', async () => {
    receiver.answer((_, response) => void response.writeHead(200).end())
    await send(webhook())
    await send(webhook({ untilMs: Date.now() - 1 }))
    const [both, one] = receiver.posts.slice(-2)
    assert(both !== undefined && one !== undefined)
    assert.equal(both.path, '/hook?a=b')
    assert.equal(both.headers['webhook-id'], 'msg_019a0000-0000-7000-8000-000000000001')
    const verifying = (post: typeof both, secret: string | undefined) =>
      new WebhookVerifier({ secrets: [secret ?? ''] }).verify(post)
    for (const secret of secrets) {
      const { message: seen } = await verifying(both, secret)
      assert.deepEqual(seen, {
        type: message.kind,
        timestamp: message.at,
        data: { ...message.data, url: message.url },
      })
    }
    await verifying(one, secrets[0])
    await assert.rejects(verifying(one, secrets[1]), { code: 'webhook.signature_invalid' })
  })

  test('fail with what the receiver says, and follow no redirect', async () => {
    const cases = [
      [500, { 'retry-after': '7' }, 'broken\u001b[31m', false, 7000],
      [404, {}, '', false, undefined],
      [410, {}, 'gone', true, undefined],
      [302, { location: `${receiver.url}/elsewhere` }, '', false, undefined],
    ] as const
    for (const [status, headers, body, isPermanent, retryAfterMs] of cases) {
      receiver.answer((_, response) => void response.writeHead(status, headers).end(body))
      const failure = `the receiver answered ${status}`
      const words = body.replace('\u001b', ' ')
      await assert.rejects(send(webhook()), { message: failure, words, isPermanent, retryAfterMs })
    }
    assert.ok(receiver.posts.every(({ path }) => path !== '/elsewhere'))
  })

  test('an answer without end, none at all, and a closed port end in time', async () => {
    receiver.answer((_, response) => {
      response.writeHead(200)
      response.write('x'.repeat(65_536))
    })
    await send(webhook())
    receiver.answer(() => undefined)
    await assert.rejects(send(webhook(), { signal: AbortSignal.timeout(50) }), /in time/)
    await assert.rejects(send(webhook({ url: 'http://127.0.0.1:9/' })), /ECONNREFUSED/)
  })

  test('a receiver that says yes has taken it, whatever it does with the rest of its answer', async () => {
    const timers: NodeJS.Timeout[] = []
    receiver.answer((_, response) => {
      response.writeHead(200)
      response.write('x')
      timers.push(setInterval(() => response.write('x'), 10))
    })
    await send(webhook(), { signal: AbortSignal.timeout(2000) })
    for (const timer of timers) clearInterval(timer)
    receiver.answer((_, response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('x', () => response.destroy())
    })
    await send(webhook())
  })

  test('a receiver that says no and does not end is heard', async () => {
    const timers: NodeJS.Timeout[] = []
    receiver.answer((_, response) => {
      response.writeHead(410)
      response.write('x')
      timers.push(setInterval(() => response.write('x'), 10))
    })
    const failure = { message: 'the receiver answered 410', isPermanent: true }
    await assert.rejects(send(webhook(), { signal: AbortSignal.timeout(5000) }), failure)
    for (const timer of timers) clearInterval(timer)
  })

  test('a stop that came before it began ends it, though no name server answers', async () => {
    const deaf = createNotifier({
      allowPrivate: [],
      resolveHost: () => new Promise(() => undefined),
      secretOf: () => undefined,
    })
    const target = webhook({ url: 'https://hooks.example/' })
    await assert.rejects(send(target, { by: deaf, signal: AbortSignal.abort() }), /in time/)
  })

  test('go nowhere that is private, and unencrypted nowhere that is public', async () => {
    const count = receiver.posts.length
    const strict = createNotifier({ allowPrivate: [], secretOf: () => undefined })
    const rebinding = createNotifier({
      allowPrivate: [],
      resolveHost: async () => ['8.8.8.8', '127.0.0.1'],
      secretOf: () => undefined,
    })
    const port = new URL(receiver.url).port
    for (const [by, url] of [
      [strict, receiver.url],
      [strict, `http://localhost:${port}/`],
      [strict, `http://0x7f.1:${port}/`],
      [rebinding, `http://hooks.example:${port}/`],
      [notifier, 'http://8.8.8.8/'],
      [notifier, 'http://169.254.169.254/latest'],
    ] as const) {
      await assert.rejects(send(webhook({ url }), { by }), /public/, url)
      await assert.rejects(by.check(webhook({ url })), { code: 'upstream.address_forbidden' }, url)
    }
    assert.equal(receiver.posts.length, count)
  })

  test('a variable that there is not is named, and nothing is sent', async () => {
    await assert.rejects(send(webhook({ url: 'env:NO_SUCH' })), /no variable NO_SUCH/)
  })
})

suite('chats', () => {
  test('Slack: no value is a mention or a link', async () => {
    receiver.answer((_, response) => void response.end('ok'))
    await send({ kind: 'slack', url: receiver.url })
    const body = receiver.posts.at(-1)?.body ?? ''
    assert.ok(!/<(?!\/)/.test(body) && !body.includes('mrkdwn'), body)
    const { text, blocks } = JSON.parse(body)
    assert.match(text, /&lt;!channel&gt; .*&amp;/)
    assert.deepEqual(blocks[1].fields[0], {
      type: 'plain_text',
      text: 'Amount\n12.50 EUR',
      emoji: false,
    })
  })

  test('Teams: a card in its envelope, and no Markdown is read', async () => {
    await send({ kind: 'teams', url: receiver.url })
    const { type, attachments } = JSON.parse(receiver.posts.at(-1)?.body ?? '')
    assert.equal(type, 'message')
    const [{ contentType, content }] = attachments
    assert.equal(contentType, 'application/vnd.microsoft.card.adaptive')
    assert.equal(content.type, 'AdaptiveCard')
    const types = new Set(content.body.map((each: { type: string }) => each.type))
    assert.deepEqual([...types], ['RichTextBlock'])
    assert.deepEqual(content.body[1].inlines[1], { type: 'TextRun', text: '12.50 EUR' })
    assert.equal(content.actions[0].url, message.url)
  })
})

/** But for farewells, which nobody waits for: that of an earlier mail may come late. */
function commandsSince(count: number): string[] {
  return mail.commands.slice(count).filter((command) => command !== 'QUIT')
}

suite('e-mail', () => {
  test('arrives over STARTTLS, signed in, with each line as it was', async () => {
    for (const mechanism of ['PLAIN', 'LOGIN']) {
      mail.behave({ extensions: ['STARTTLS', `AUTH ${mechanism}`] })
      await send(email())
      const got = mail.mails.at(-1)
      assert(got !== undefined)
      assert.deepEqual([got.isSecured, got.user, got.to], [true, 'airworthy', 'duty@example.com'])
      const [head = '', ...body] = got.text.split('\r\n\r\n')
      assert.match(head, /^Message-ID: <019a0000-0000-7000-8000-000000000001@example.com>$/m)
      assert.match(head, /^Date: Sun, 22 Nov 2026 10:00:00 \+0000$/m)
      assert.ok(!/^Bcc:/m.test(head), 'no value begins a header')
      assert.ok(got.text.split('\r\n').every((line) => line.length <= 78))
      assert.match(body.join('\r\n'), /^=C3=9Cber: =E2=82=AC$/m)
      assert.match(body.join('\r\n'), /^\.begins with a dot$/m)
    }
  })

  test('arrives over TLS from the start', async () => {
    mail.behave({ isImplicitTls: true })
    await send(email({ tls: 'implicit' }))
    assert.equal(mail.mails.at(-1)?.isSecured, true)
  })

  test('without STARTTLS nothing is said that could be read by others', async () => {
    const count = mail.commands.length
    mail.behave({ extensions: ['AUTH PLAIN'] })
    await assert.rejects(send(email()), /offers no STARTTLS/)
    assert.deepEqual(commandsSince(count), ['EHLO example.com'])
  })

  test('what is said before TLS begins is not believed', async () => {
    mail.behave({ injected: '250 all is well\r\n' })
    await assert.rejects(send(email()), /before TLS began|no connection/)
  })

  test('a certificate of another name ends it', async () => {
    mail.behave({})
    const count = mail.commands.length
    await assert.rejects(send(email({ host: '127.0.0.1' })), /no connection/)
    assert.deepEqual(commandsSince(count), ['EHLO example.com', 'STARTTLS'])
  })

  test('refused for good, or for now: as the server says', async () => {
    const cases = [
      [{ answers: { RCPT: '550 nobody here' } }, true, /answered 550 to RCPT/],
      [{ answers: { RCPT: '450 later' } }, false, /answered 450/],
      [{ answers: { '': '421 busy' } }, false, /answered 421/],
      [{ answers: { '.': '554 spam' } }, true, /answered 554 to the message/],
      [{ answers: { RCPT: '550 5.1.1 <duty@example.com>: no' } }, true, /to RCPT: 5\.1\.1$/],
      // A password that is being changed, a server that is being set up: later it may be well.
      [{ password: 'other' }, false, /answered 535 to AUTH PLAIN$/],
      [{ answers: { '': '554 not now' } }, false, /answered 554 to the connection$/],
      [{ answers: { MAIL: '530 who are you' } }, false, /answered 530 to MAIL$/],
      [{ answers: { '': 'HTTP/1.1 200 OK' } }, false, /no mail server/],
      [{ extensions: ['STARTTLS', 'AUTH CRAM-MD5'] }, false, /neither AUTH PLAIN/],
    ] as const
    for (const [behaviour, isPermanent, words] of cases) {
      mail.behave(behaviour)
      await assert.rejects(send(email()), { message: words, isPermanent })
    }
  })

  test('a server that says nothing, or goes away, ends in time', async () => {
    mail.behave({ isSilent: true })
    await assert.rejects(send(email(), { signal: AbortSignal.timeout(50) }), /in time/)
    mail.behave({ answers: { EHLO: '250-more' } })
    await assert.rejects(send(email(), { signal: AbortSignal.timeout(50) }), /in time/)
  })

  test('what the mail server took is taken, though it never says goodbye', async () => {
    mail.behave({ answers: { QUIT: '221-and more' } })
    const count = mail.mails.length
    await send(email(), { signal: AbortSignal.timeout(5000) })
    assert.equal(mail.mails.length, count + 1)
  })

  test('without TLS only where nothing public is reached', async () => {
    mail.behave({})
    const plain = { tls: 'none', username: undefined, password: undefined } as const
    await send(email(plain))
    assert.equal(mail.mails.at(-1)?.isSecured, false)
    await assert.rejects(send(email({ ...plain, host: '8.8.8.8' })), /encrypted only/)
  })
})
