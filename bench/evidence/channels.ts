// People are told of every hold, whatever their receivers do. Three gateways on one database hold calls;
// a webhook's receiver fails, hangs and is down for a while, the mail server puts off, and one gateway is
// killed with SIGKILL while it sends. By the receivers' own books every hold must be told on every
// channel, no webhook may be taken that is replayed or changed, and no argument of a call may be in any
// message.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebhookError, WebhookVerifier } from '@airworthy/sdk'
import { agentClients } from '../../e2e/harness/clients.ts'
import { startFakeTools } from '../../e2e/harness/fake-tools.ts'
import { at } from '../../e2e/harness/json.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { until } from '../../e2e/harness/until.ts'
import {
  type HttpReceiver,
  type ReceivedPost,
  startHttpReceiver,
} from '../../server/test/channels/http-receiver.ts'
import { type SmtpServer, startSmtpServer } from '../../server/test/channels/smtp-server.ts'
import { certificate } from '../../server/test/identity/certificate.ts'
import { type Airworthy, startAirworthy } from '../airworthy.ts'
import { percentile, round } from '../figures.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const marker = 'argument-that-nobody-is-told'
const downMs = 6_000
const toldWithinMs = 240_000
/** Of gateways that live a message on its way ends after 15 seconds: that must not be taken for it. */
const brokenOffWithinMs = 3_000
/** More than two gateways have on their way to one channel: so the killed one sends, too. */
const hangingMin = 9
const timedOutWithinMs = 20_000
const recipients = ['one@example.com', 'two@example.com']

type Ground = {
  readonly gateways: readonly Airworthy[]
  readonly apiKey: string
  readonly holds: Map<string, number>
}

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  const holdsOfPhase = quick ? 20 : 100
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'airworthy-channels-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'ca.pem'), certificate)
  const chats = stack.use(await startHttpReceiver())
  const mail = stack.use(await startSmtpServer())
  const tools = stack.use(await startFakeTools())
  const books = new WebhookBooks(await startHttpReceiver())
  stack.use(books)
  const env = {
    AIRWORTHY_CHANNEL_PRIVATE: '127.0.0.1,localhost',
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
    SMTP_PASSWORD: 'secret',
  }
  const first = stack.use(await startAirworthy({ env }))
  const killed = stack.use(await startAirworthy({ replicaOf: first, env }))
  const last = stack.use(await startAirworthy({ replicaOf: first, env }))
  const { client } = first
  const secret = await addChannels(first, { hook: books.url, chats: chats.url, mail })
  const manifest = manifestText({
    name: 'told',
    modelBaseUrl: 'http://127.0.0.1:9/v1',
    toolsUrl: tools.url,
    rules: [{ id: 'ask', effect: 'hold', tools: ['desk/refund'], reason: 'a person decides' }],
  })
  const { apiKey } = await client.enrolAgent({ manifest, file: 'told.json' })
  assert(apiKey !== null, 'the agent is new')
  const ground: Ground = { gateways: [first, killed, last], apiKey, holds: new Map() }

  log('all receivers well')
  await makeHolds(ground, holdsOfPhase)
  await until('the first to be told', () => books.toldAll(ground.holds), toldWithinMs)
  const waits = [...ground.holds].map(([id, heldMs]) => (books.firstTold(id) ?? 0) - heldMs)

  log('the webhook fails each message once, then hangs; a gateway is killed while it sends')
  books.failEachOnce()
  mail.behave({ answers: { RCPT: '450 not now' } })
  await makeHolds(ground, holdsOfPhase)
  books.hang()
  await until('messages to be on their way', () => books.hanging() >= hangingMin, toldWithinMs)
  process.kill(killed.pid, 'SIGKILL')
  const brokenOff = await until(
    'the killed one to break off',
    () => books.brokenOff() || undefined,
    brokenOffWithinMs,
  )

  log('the gateways that live wait until their time is over')
  const timedOut = await until(
    'messages to time out',
    () => books.brokenOff() - brokenOff || undefined,
    timedOutWithinMs,
  )
  mail.behave({})

  log(`the receiver is down for ${downMs} ms`)
  await books.goDown()
  await makeHolds({ ...ground, gateways: [first, last] }, holdsOfPhase)
  await new Promise((resolve) => setTimeout(resolve, downMs))
  await books.comeBack()
  await until('every hold to be told', () => books.toldAll(ground.holds), toldWithinMs)
  const ids = [...ground.holds.keys()]
  const isEverywhere = () =>
    untold(ids, chats, '/slack') + untold(ids, chats, '/teams') + unmailed(ids, mail) === 0
  await until('every hold to be told elsewhere', isEverywhere, toldWithinMs)
  const pending = async () => (await client.listDeliveries({ state: 'pending' })).deliveries.length
  await until('nothing to be on its way', async () => (await pending()) === 0, toldWithinMs)

  const verified = await verifyAll(books.posts, secret)
  const dead = (await client.listDeliveries({ state: 'dead' })).deliveries.length
  const texts = [...books.posts, ...chats.posts].map(({ body }) => body)
  const all = [...texts, ...mail.mails.map(({ text }) => text)]
  const figures = {
    gateways: 3,
    held: ids.length,
    toldBy: {
      webhook: ids.length - ids.filter((id) => books.firstTold(id) === undefined).length,
      slack: ids.length - untold(ids, chats, '/slack'),
      teams: ids.length - untold(ids, chats, '/teams'),
      mail: ids.length - unmailed(ids, mail),
    },
    webhookRequests: books.posts.length,
    brokenOffByTheKill: brokenOff,
    timedOut,
    ...verified,
    dead,
    mailsInTheClear: mail.mails.filter(({ isSecured }) => !isSecured).length,
    messagesWithArguments: all.filter((text) => text.includes(marker)).length,
    toldAfterMs: { p50: round(percentile(waits, 0.5), 0), p99: round(percentile(waits, 0.99), 0) },
  }
  const isToldByAll = Object.values(figures.toldBy).every((count) => count === ids.length)
  const holds =
    isToldByAll &&
    ids.length === 3 * holdsOfPhase &&
    brokenOff > 0 &&
    timedOut > 0 &&
    verified.refused === 0 &&
    verified.replaysTaken === 0 &&
    verified.changedTaken === 0 &&
    dead === 0 &&
    figures.mailsInTheClear === 0 &&
    figures.messagesWithArguments === 0
  return { ...figures, holds }
}

/** Gives the webhook's secret. */
async function addChannels(
  { client }: Airworthy,
  places: { readonly hook: string; readonly chats: string; readonly mail: SmtpServer },
): Promise<string> {
  const { hook, chats, mail } = places
  const { secret } = await client.addChannel({
    name: 'hook',
    target: { kind: 'webhook', url: `${hook}/hook` },
  })
  for (const kind of ['slack', 'teams'] as const) {
    await client.addChannel({ name: kind, target: { kind, url: `${chats}/${kind}` } })
  }
  await client.addChannel({
    name: 'mail',
    target: {
      kind: 'email',
      host: 'localhost',
      port: mail.port,
      username: 'airworthy',
      password: 'env:SMTP_PASSWORD',
      from: 'airworthy@example.com',
      to: recipients,
    },
  })
  assert(secret !== null, 'the server makes the secret')
  return secret
}

async function makeHolds(ground: Ground, count: number): Promise<void> {
  const { gateways, apiKey, holds } = ground
  await Promise.all(
    gateways.map(async (gateway, index) => {
      const { sessionKey } = await gateway.client.openSession({ agent: 'told' })
      await using agent = agentClients({ url: gateway.url, apiKey, sessionKey })
      for (let each = index; each < count; each += gateways.length) {
        const order = `${marker}-${holds.size}-${each}`
        const reply = await agent.call('refund', { order_id: order, amount: 1 })
        assert.equal(at(reply.value, 'held'), true, JSON.stringify(reply.value))
        holds.set(String(at(reply.value, 'id')), Date.now())
      }
    }),
  )
}

/** What the webhook's receiver was told, over all its restarts, and how it behaves. */
class WebhookBooks implements AsyncDisposable {
  readonly url: string
  readonly posts: ReceivedPost[] = []
  #receiver: HttpReceiver
  readonly #told = new Map<string, number>()
  readonly #failed = new Set<string>()
  readonly #hanging = new Set<ServerResponse>()
  #mode: 'well' | 'fail once' | 'hang' = 'well'
  #brokenOff = 0
  #isDown = false

  constructor(receiver: HttpReceiver) {
    this.#receiver = receiver
    this.url = receiver.url
    this.#listen()
  }

  failEachOnce(): void {
    this.#mode = 'fail once'
  }

  hang(): void {
    this.#mode = 'hang'
  }

  hanging(): number {
    return this.#hanging.size
  }

  /** Requests that the sender broke off, and no timeout of its own did. */
  brokenOff(): number {
    return this.#brokenOff
  }

  async goDown(): Promise<void> {
    this.#isDown = true
    this.#mode = 'well'
    await this.#receiver[Symbol.asyncDispose]()
  }

  async comeBack(): Promise<void> {
    this.#receiver = await startHttpReceiver(Number(new URL(this.url).port))
    this.#isDown = false
    this.#listen()
  }

  firstTold(holdId: string): number | undefined {
    return this.#told.get(holdId)
  }

  toldAll(holds: ReadonlyMap<string, number>): boolean {
    return holds.keys().every((id) => this.#told.has(id))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isDown) await this.#receiver[Symbol.asyncDispose]()
  }

  #listen(): void {
    this.#receiver.answer((post, response) => {
      this.posts.push(post)
      const id = String(post.headers['webhook-id'])
      if (this.#mode === 'hang') {
        this.#hanging.add(response)
        response.on('close', () => {
          if (this.#hanging.delete(response) && !this.#isDown) this.#brokenOff += 1
        })
        return
      }
      if (this.#mode === 'fail once' && !this.#failed.has(id)) {
        this.#failed.add(id)
        response.writeHead(500).end()
        return
      }
      response.writeHead(204).end()
      const holdId = String(at(JSON.parse(post.body), 'data.id'))
      if (!this.#told.has(holdId)) this.#told.set(holdId, Date.now())
    })
  }
}

function untold(ids: readonly string[], receiver: HttpReceiver, path: string): number {
  const bodies = receiver.posts.filter((post) => post.path === path).map(({ body }) => body)
  return ids.filter((id) => !bodies.some((body) => body.includes(id))).length
}

/** Holds that at least one of the recipients has no mail of. */
function unmailed(ids: readonly string[], { mails }: SmtpServer): number {
  const isMailed = (id: string, to: string): boolean =>
    mails.some((mail) => mail.to === to && mail.text.includes(id))
  return ids.filter((id) => !recipients.every((to) => isMailed(id, to))).length
}

/** Each request as it came, then again, then changed. */
async function verifyAll(posts: readonly ReceivedPost[], secret: string) {
  const verifier = new WebhookVerifier({ secrets: [secret], toleranceSeconds: 3600 })
  const isTaken = (post: ReceivedPost): Promise<boolean> =>
    verifier.verify(post).then(
      () => true,
      (thrown: unknown) => {
        if (thrown instanceof WebhookError) return false
        throw thrown
      },
    )
  const counts = { refused: 0, replaysTaken: 0, changedTaken: 0, changedTried: 0 }
  for (const post of posts) if (!(await isTaken(post))) counts.refused += 1
  for (const post of posts) {
    if (await isTaken(post)) counts.replaysTaken += 1
    const id = String(post.headers['webhook-id'])
    const changes: readonly ReceivedPost[] = [
      { ...post, body: post.body.replace('"pending"', '"approved"').replace('{', '{ ') },
      { ...post, headers: { ...post.headers, 'webhook-id': `${id}0` } },
      {
        ...post,
        headers: {
          ...post.headers,
          'webhook-timestamp': String(Math.floor(Date.now() / 1000) + 1),
        },
      },
    ]
    for (const changed of changes) {
      counts.changedTried += 1
      if (await isTaken(changed)) counts.changedTaken += 1
    }
  }
  return counts
}
