// People are told: the real program, real receivers, from the held call to the vote.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { WebhookVerifier } from '@airworthy/sdk'
import { type HttpReceiver, startHttpReceiver } from '../server/test/channels/http-receiver.ts'
import { startSmtpServer } from '../server/test/channels/smtp-server.ts'
import { runCli } from '../server/test/cli/run-cli.ts'
import { certificate } from '../server/test/identity/certificate.ts'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
import { until } from './harness/until.ts'

const folder = await mkdtemp(join(tmpdir(), 'airworthy-channels-'))
const ca = join(folder, 'ca.pem')
await writeFile(ca, certificate)
const receiver = await startHttpReceiver()
const mail = await startSmtpServer()
const ground = await standGround({
  env: {
    AIRWORTHY_CHANNEL_PRIVATE: '127.0.0.1,localhost',
    NODE_EXTRA_CA_CERTS: ca,
    SMTP_PASSWORD: 'secret',
    SLACK_URL: `${receiver.url}/slack`,
  },
})
after(async () => {
  await receiver[Symbol.asyncDispose]()
  await mail[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})
const { server } = ground
const holdRefunds: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask first' }

async function run(...args: string[]): Promise<string> {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  const { exitCode, stdout, stderr } = await runCli(args, { env, cwd: folder })
  assert.equal(exitCode, 0, stderr + stdout)
  return stdout
}

function postsTo(path: string, of: HttpReceiver = receiver) {
  return of.posts.filter((post) => post.path === path)
}

test('a held call is told on every channel with its card, and its vote where it was asked for', async () => {
  const added = await run(
    'channel',
    'add',
    'hook',
    'webhook',
    '--to',
    `${receiver.url}/hook`,
    '--json',
  )
  const verifier = new WebhookVerifier({ secrets: [String(at(JSON.parse(added), 'secret'))] })
  await run('channel', 'add', 'slack', 'slack', '--to', 'env:SLACK_URL', '--hide-amount')
  await writeFile(join(folder, 'url'), `${receiver.url}/teams\n`)
  await run('channel', 'add', 'teams', 'teams', '--to-file', 'url', '--kinds', 'hold.decided')
  const smtp = [
    '--smtp',
    `localhost:${mail.port}`,
    '--user',
    'me',
    '--password',
    'env:SMTP_PASSWORD',
  ]
  const people = ['--from', 'airworthy@example.com', '--to', 'one@example.com,two@example.com']
  await run('channel', 'add', 'mail', 'email', ...smtp, ...people)
  assert.match(await run('channel', 'test', 'mail'), /^one@example\.com {2}taken after \d+ ms$/m)
  const agent = await enrol(ground, { rules: [holdRefunds] })
  await using session = await agent.open()
  const held = await session.call('refund', { order_id: 'secret-order', amount: 5 })
  const holdId = String(at(held.value, 'id'))
  await until('all to be told', () => {
    const hasMail = mail.mails.filter(({ text }) => text.includes(holdId)).length === 2
    return hasMail && postsTo('/hook').length === 1 && postsTo('/slack').length === 1
  })
  const [hook] = postsTo('/hook')
  assert(hook !== undefined)
  const { message } = await verifier.verify(hook)
  assert.equal(message.type, 'hold.opened')
  assert.deepEqual(message.data['amount'], { minor: '500', currency: 'USD' })
  await assert.rejects(verifier.verify(hook), { code: 'webhook.replayed' })
  const slack = postsTo('/slack')[0]?.body ?? ''
  assert.ok(slack.includes(holdId) && slack.includes('ask first') && !slack.includes('5.00 USD'))
  const mails = mail.mails.filter(({ text }) => text.includes(holdId))
  assert.deepEqual(mails.map(({ to }) => to).toSorted(), ['one@example.com', 'two@example.com'])
  for (const { text, isSecured } of mails) {
    assert.ok(isSecured)
    assert.match(text, /^Amount: 5\.00 USD$/m)
    assert.match(text, /^Can it be taken back: /m)
    assert.match(text, /^If nobody decides: /m)
    assert.match(text, new RegExp(`^airworthy hold approve ${holdId}$`, 'm'))
  }
  await run('hold', 'approve', holdId, '--reason', 'fine')
  const decided = await until('the vote to be told', () => postsTo('/teams')[0])
  assert.ok(decided.body.includes(holdId) && decided.body.includes('approved'))
  const everything = [
    ...receiver.posts.map(({ body }) => body),
    ...mail.mails.map(({ text }) => text),
  ]
  assert.ok(
    everything.every((text) => !text.includes('secret-order')),
    'arguments are nowhere',
  )
  assert.match(await run('channel', 'list'), /^hook +webhook .* 0 +1 +0$/m)
  assert.match(await run('channel', 'deliveries', '--about', holdId), /hold\.opened .* sent +1 /)
})
