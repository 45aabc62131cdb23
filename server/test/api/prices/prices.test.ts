import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AirworthyApiError, type PriceList } from '@airworthy/sdk'
import { PriceBook } from '../../../src/store/models/price-book.ts'
import { type ApiServer, ask, enrolDesk, fieldOf, manifestText, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
})
after(() => api[Symbol.asyncDispose]())

const written = '    prices: { inputPerMillionUsd: "0.40", outputPerMillionUsd: "1.60" }\n'
const list: PriceList = { inputPerMillionUsd: '0.0375', outputPerMillionUsd: '0.15' }

/** A manifest of its own agent whose model has these lines instead of prices. */
function priced(name: string, lines: string): (text: string) => string {
  return (text) => {
    const changed = text.replace('name: desk,', `name: ${name},`).replace(written, lines)
    assert.notEqual(changed, text)
    return changed
  }
}

async function refusal(work: Promise<unknown>): Promise<AirworthyApiError> {
  const thrown: unknown = await work.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof AirworthyApiError)
  return thrown
}

async function checkedOf(agent: string) {
  const { models } = await api.client.checkPrices()
  const model = models.find((each) => each.agent === agent)
  assert.ok(model)
  return model
}

test('refuses to enrol a model whose price nobody knows, and names what is near', async () => {
  const lines = '    provider: openai\n    upstreamModel: gpt-4.1-minii\n'
  const error = await refusal(enrolDesk(api, priced('unpriced', lines)))
  assert.equal(error.code, 'model.price_unknown')
  assert.equal(error.status, 403)
  const problems: unknown = error.detail?.['problems']
  assert.ok(Array.isArray(problems))
  assert.equal(problems.length, 1)
  assert.equal(fieldOf(problems[0], 'path'), 'models[0].prices')
  assert.match(String(fieldOf(problems[0], 'message')), /not known, of openai.*near: gpt-4\.1-mini/)
  assert.equal(fieldOf(problems[0], 'code'), undefined)
})

const both = (text: string) => priced('wrongs', '')(text).replace('["shop/*"]', '["shop/fly"]')

test('refuses it as any wrong manifest where more than a price is wrong', async () => {
  assert.equal((await refusal(enrolDesk(api, both))).code, 'manifest.invalid')
})

test('says so when a manifest is only checked', async () => {
  const manifest = manifestText(priced('checked', ''))
  const { ok, problems } = await api.client.checkPact({ manifest, file: 'agent.yaml' })
  assert.equal(ok, false)
  assert.match(problems[0]?.message ?? '', /no provider is known for its baseUrl/)
})

test('takes a price from the catalogue by provider and upstream name', async () => {
  await enrolDesk(api, priced('listed', '    provider: openai\n    upstreamModel: gpt-4.1-mini\n'))
  const model = await checkedOf('listed')
  assert.deepEqual([model.source, model.state, model.provider], ['catalogue', 'same', 'openai'])
  assert.match(model.hash ?? '', /^[0-9a-f]{64}$/)
})

const atOpenAi = (text: string) =>
  priced(
    'by-url',
    '    upstreamModel: gpt-4.1-mini\n',
  )(text).replace('http://127.0.0.1:9/v1', 'https://api.openai.com/v1')

test('takes one by the base URL alone', async () => {
  await enrolDesk(api, atOpenAi)
  assert.equal((await checkedOf('by-url')).source, 'catalogue')
})

test('takes a flat sum, and nothing only where the manifest says so', async () => {
  await enrolDesk(api, priced('flat', '    unknownPriceHoldUsd: "0.05"\n'))
  await enrolDesk(api, priced('free', '    prices: free\n'))
  assert.equal((await checkedOf('flat')).state, 'flat')
  assert.equal((await checkedOf('free')).state, 'free')
  const error = await refusal(enrolDesk(api, priced('zero', '    unknownPriceHoldUsd: "0.00"\n')))
  assert.equal(error.code, 'manifest.invalid')
})

test("tells where a manifest's price is not the list price", async () => {
  const lines = `    provider: openai\n    upstreamModel: gpt-4.1-mini\n${written}`
  await enrolDesk(api, priced('differs', lines))
  const { state, differences, source } = await checkedOf('differs')
  assert.deepEqual([state, source], ['differs', 'manifest'])
  assert.deepEqual(differences, [{ price: 'cachedInput', used: '0.4', catalogue: '0.1' }])
  assert.equal((await checkedOf('flat')).differences.length, 0)
})

test('sets an override, with an entry, and counts with it over the catalogue', async () => {
  const size = BigInt((await api.client.getLog()).size)
  const set = await api.client.setPriceOverride({
    provider: 'openai',
    model: 'gpt-4.1-mini',
    prices: list,
  })
  assert.equal(set.source, 'override')
  assert.equal(BigInt((await api.client.getLog()).size), size + 1n)
  const { entries } = await api.client.listEntries({ after: String(size - 1n) })
  assert.ok(JSON.stringify(entries).includes('price.set'))
  const { source, state } = await checkedOf('listed')
  assert.deepEqual([source, state], ['override', 'differs'])
  const { found } = await api.client.findPrice({ provider: 'openai', model: 'gpt-4.1-mini' })
  assert.equal(found?.source, 'override')
  assert.equal(found?.prices.inputPerMillionUsd, '0.0375')
  // The manifest's own price stays over both.
  assert.equal((await checkedOf('differs')).source, 'manifest')
  const { prices } = await api.client.listPrices({ provider: 'openai', model: '4.1-MINI' })
  assert.deepEqual(
    prices.slice(0, 2).map((price) => price.source),
    ['override', 'catalogue'],
  )
  const { overrides } = await api.client.checkPrices()
  assert.equal(overrides[0]?.uses, 2)
})

test('prices a model that the catalogue does not know', async () => {
  await api.client.setPriceOverride({ provider: 'my-vllm', model: 'llama', prices: list })
  await enrolDesk(api, priced('own', '    provider: my-vllm\n    upstreamModel: llama\n'))
  assert.equal((await checkedOf('own')).state, 'not_listed')
})

test('tells other replicas, whose books read the overrides again', async () => {
  const catalogue = { providerOf: () => undefined, find: unknownPrice }
  let nowMs = Date.UTC(2026, 10, 22)
  const { db, organisationId } = api
  const book = new PriceBook({ db, organisationId, catalogue, now: () => nowMs })
  let changes = 0
  book.onChange(() => {
    changes += 1
  })
  const model = { provider: 'my-vllm', baseUrl: '', upstreamModel: 'other' }
  await book.refresh()
  assert.equal(book.find(model).kind, 'unknown')
  await api.client.setPriceOverride({ provider: 'my-vllm', model: 'other', prices: list })
  await book.refresh()
  const first = book.find(model)
  await book.refresh()
  assert.equal(changes, 2, 'a refresh without a change tells nobody')
  await api.client.setPriceOverride({ provider: 'my-vllm', model: 'other', prices: list })
  await book.refresh()
  const second = book.find(model)
  assert.ok(first.kind === 'found' && second.kind === 'found')
  assert.notEqual(first.edition, second.edition)
  await api.client.removePriceOverride({ provider: 'my-vllm', model: 'other' })
  await book.refresh()
  assert.equal(book.find(model).kind, 'unknown')
  nowMs += 86_400_000
  await book.refresh()
  assert.equal(changes, 5, 'list prices may change with the day')
})

const unknownPrice = () => ({ kind: 'unknown' as const, provider: undefined, near: [] })

test('removes an override once', async () => {
  const name = { provider: 'openai', model: 'gpt-4.1-mini' }
  assert.deepEqual(await api.client.removePriceOverride(name), name)
  assert.equal((await checkedOf('listed')).source, 'catalogue')
  assert.equal((await refusal(api.client.removePriceOverride(name))).code, 'price.unknown')
})

test('shows what an enrolled model without its override is: unknown, not free', async () => {
  await api.client.removePriceOverride({ provider: 'my-vllm', model: 'llama' })
  const { state, source, hash } = await checkedOf('own')
  assert.deepEqual([state, source, hash], ['unknown', null, null])
})

test('refuses an override with too fine a price, and changes nothing', async () => {
  const size = (await api.client.getLog()).size
  const prices = { ...list, inputPerMillionUsd: '0.0000001' }
  const error = await refusal(api.client.setPriceOverride({ provider: 'a', model: 'b', prices }))
  assert.equal(error.code, 'price.invalid')
  assert.equal((await api.client.getLog()).size, size)
})

test('refuses what is no price list, and names without sense', async () => {
  const bodies = [
    { provider: 'a b', model: 'm', prices: list },
    { provider: 'a', model: 'm', prices: { ...list, extra: '1' } },
    { provider: 'a', model: 'm', prices: { inputPerMillionUsd: 1, outputPerMillionUsd: 2 } },
  ]
  for (const body of bodies) {
    const answer = await ask(api, { path: '/v1/prices/overrides', body })
    assert.equal(answer.code, 'request.invalid', JSON.stringify(body))
  }
})

test('lists the catalogue page by page, each price once', async () => {
  const seen: string[] = []
  let next: string | undefined
  do {
    const page = await api.client.listPrices({
      provider: 'anthropic',
      limit: 7,
      ...(next === undefined ? {} : { after: next }),
    })
    seen.push(...page.prices.map((price) => price.model))
    next = page.next ?? undefined
  } while (next !== undefined)
  assert.ok(seen.length > 14)
  assert.equal(new Set(seen).size, seen.length)
})

test('does not let a launcher set prices', async () => {
  const { key } = await api.client.addOperator({ name: 'launcher', role: 'launcher' })
  const body = { provider: 'a', model: 'b', prices: list }
  const answer = await ask(api, { path: '/v1/prices/overrides', key, body })
  assert.equal(answer.status, 403)
})
