// Pairs through the whole program: first in shadow, where each is held against the real reply, then
// live. The provider answers what was asked for, so that a wrong reply shows.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Airworthy, startAirworthy } from '../../airworthy.ts'
import { isRecord } from '../../processes.ts'
import type { Pair } from './pairs.ts'

const waitMs = 30_000

export async function runThroughGateway(pairs: readonly Pair[], count: number) {
  await using opened = new AsyncDisposableStack()
  // What both sides of a paraphrase are answered with; a trap has an answer of its own.
  const answers = new Map<string, string>()
  for (const { cached, asked, same } of pairs) {
    if (!answers.has(cached)) answers.set(cached, `answer ${answers.size}`)
    const wanted = same ? answers.get(cached) : `answer ${answers.size}`
    if (wanted !== undefined && !answers.has(asked)) answers.set(asked, wanted)
  }
  const provider = opened.use(await startProvider(answers))
  const airworthy = opened.use(await startAirworthy())
  const manifest = manifestText(provider.url)
  const { apiKey } = await airworthy.client.enrolAgent({ manifest, file: 'cache.json' })
  const { sessionKey } = await airworthy.client.openSession({ agent: 'cache', endUser: 'bench' })
  const ask = (question: string) =>
    askOnce(`${airworthy.url}/s/${sessionKey}/v1/chat/completions`, apiKey ?? '', question)
  const same = pairs.filter((pair) => pair.same)
  const traps = pairs.filter((pair) => !pair.same)
  for (const { cached } of [...same.slice(0, count), ...traps.slice(0, count)]) await ask(cached)
  await settled(airworthy)
  const shadow = await askAll(same.slice(0, count), ask, answers)
  await settled(airworthy)
  const { standings } = await airworthy.client.getCache({ agent: 'cache' })
  await airworthy.client.setCacheMode({ agent: 'cache', model: 'provider', mode: 'live' })
  // A gateway trusts what it knows of the mode for a moment.
  await sleep(2_500)
  // Written in another way than in shadow, where each was cached as it is.
  const again = [...same.slice(0, count), ...traps.slice(0, count)].map((pair) => ({
    ...pair,
    asked: `${pair.asked} ?`,
  }))
  for (const { asked } of again) answers.set(asked, answers.get(asked.slice(0, -2)) ?? '')
  const live = await askAll(again, ask, answers)
  return {
    shadowHits: shadow.marks['shadow'] ?? 0,
    agree: standings[0]?.agree ?? 0,
    differ: standings[0]?.differ ?? 0,
    unsure: standings[0]?.unsure ?? 0,
    asked: again.length,
    semanticHits: live.marks['semantic'] ?? 0,
    falseHits: live.wrong,
  }
}

type Ask = (question: string) => Promise<{ readonly mark: string; readonly answer: string }>

async function askAll(pairs: readonly Pair[], ask: Ask, answers: ReadonlyMap<string, string>) {
  const marks: Record<string, number> = {}
  let wrong = 0
  for (const { asked } of pairs) {
    const { mark, answer } = await ask(asked)
    marks[mark] = (marks[mark] ?? 0) + 1
    if (answer !== answers.get(asked)) wrong += 1
  }
  return { marks, wrong }
}

async function askOnce(url: string, apiKey: string, question: string) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({
      model: 'provider',
      messages: [{ role: 'user', content: question }],
      max_tokens: 50,
    }),
  })
  const body: unknown = await response.json()
  if (response.status !== 200) throw new Error(`asked, and got ${JSON.stringify(body)}`)
  const mark = response.headers.get('airworthy-cache') ?? ''
  return { mark, answer: answerOf(body) }
}

function answerOf(body: unknown): string {
  const choices: unknown = isRecord(body) ? body['choices'] : undefined
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined
  const message: unknown = isRecord(choice) ? choice['message'] : undefined
  return isRecord(message) ? String(message['content']) : ''
}

/** Waits until nothing is written to the cache any more. */
async function settled(airworthy: Airworthy): Promise<void> {
  const count = async (): Promise<number> => {
    const { models, standings } = await airworthy.client.getCache({ agent: 'cache' })
    const pairs = standings.reduce((sum, each) => sum + each.agree + each.differ + each.unsure, 0)
    return models.reduce((sum, model) => sum + model.entries, pairs)
  }
  const until = performance.now() + waitMs
  for (let before = -1; performance.now() < until;) {
    const now = await count()
    if (now === before) return
    before = now
    await sleep(1_000)
  }
}

function manifestText(url: string): string {
  const prices = { inputPerMillionUsd: '0.40', outputPerMillionUsd: '1.60' }
  return JSON.stringify({
    schema: 'airworthy.manifest/1',
    agent: { name: 'cache', owner: 'bench@example.com', stakes: 'low' },
    models: [
      {
        name: 'provider',
        wire: 'openai',
        baseUrl: `${url}/v1`,
        prices,
        maxOutputTokens: 100,
        // Few pairs are asked here: what they prove is the way, not the rate.
        cache: { semantic: { falseHitRateMax: '0.2', sample: '0' } },
      },
    ],
    pact: { permissions: [{ id: 'models', effect: 'allow', models: ['*'] }] },
  })
}

async function startProvider(answers: ReadonlyMap<string, string>) {
  const server = createServer((request, response) => {
    respond(request, response, answers).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answers: ReadonlyMap<string, string>,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const messages: unknown = isRecord(body) ? body['messages'] : undefined
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined
  const question = isRecord(last) ? String(last['content']) : ''
  const content = answers.get(question) ?? 'no answer'
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ id: 'c', object: 'chat.completion', choices, usage }))
}
