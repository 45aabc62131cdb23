// What calls cost when the manifest does not say: the catalogue, overrides, and never nothing.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../server/test/cli/run-cli.ts'
import { chat } from './harness/clients.ts'
import { enrol, standGround, type TestSession } from './harness/ground.ts'
import { at } from './harness/json.ts'
import { usualCostNanoUsd, usualTokens } from './harness/manifest.ts'

const ground = await standGround()
const { server, upstream } = ground
const { client } = server
const directory = await mkdtemp(join(tmpdir(), 'airworthy-costs-'))
after(() => rm(directory, { recursive: true, force: true }))

function airworthy(...args: string[]) {
  const env = { AIRWORTHY_URL: server.url, AIRWORTHY_OPERATOR_KEY: server.operatorKey }
  return runCli(args, { env, cwd: directory })
}

/** A model without prices of its own; the fake provider stands for this one. */
const unpriced = (provider: string, upstreamModel: string) => ({
  model: { prices: undefined, provider, upstreamModel },
})

async function costOfCall(session: TestSession): Promise<string | null> {
  const reply = await session.post(chat())
  assert.equal(reply.status, 200, reply.code ?? '')
  const { costNanoUsd } = await client.getCall(reply.headers.get('airworthy-call') ?? '')
  return costNanoUsd
}

test('a model without prices costs what the catalogue says, and its entry names that price', async () => {
  const agent = await enrol(ground, unpriced('openai', 'gpt-4.1-mini'))
  await using session = await agent.open()
  // The list price of gpt-4.1-mini is the price that the other tests write themselves.
  assert.equal(await costOfCall(session), String(usualCostNanoUsd))
  const { models } = await client.checkPrices()
  const hash = models.find((model) => model.agent === agent.name)?.hash ?? ''
  assert.match(hash, /^[0-9a-f]{64}$/)
  const { entries } = await ground.database
    .query("SELECT string_agg(convert_from(entry, 'UTF8'), ' ') AS entries FROM airworthy.entries")
    .then(({ rows }: { rows: { entries: string }[] }) => rows[0] ?? { entries: '' })
  assert.ok(entries.includes(hash), 'the outcome names the price it was counted with')
})

test('an override counts from the next call on, and the catalogue again after it', async () => {
  const agent = await enrol(ground, unpriced('openai', 'gpt-4.1'))
  await using session = await agent.open()
  const listed = await costOfCall(session)
  const set = ['prices', 'override', 'openai/gpt-4.1', '--input', '1', '--output', '1']
  const done = await airworthy(...set)
  assert.equal(done.exitCode, 0, done.stderr)
  assert.equal(await costOfCall(session), String(usualTokens * 1000))
  const checked = await airworthy('prices', 'check', '--strict')
  assert.equal(checked.exitCode, 2, 'an override that differs from the list')
  assert.match(checked.stdout, /openai\/gpt-4\.1 .*differs .*input 1 \(list 2\)/)
  const removed = await airworthy('prices', 'override', 'openai/gpt-4.1', '--remove')
  assert.equal(removed.exitCode, 0, removed.stderr)
  assert.equal(await costOfCall(session), listed)
})

test('a model whose only price is gone is refused, not free, and its provider is not asked', async () => {
  const name = { provider: 'own', model: 'llama' }
  const prices = { inputPerMillionUsd: '0.1', outputPerMillionUsd: '0.2' }
  await client.setPriceOverride({ ...name, prices })
  const agent = await enrol(ground, unpriced('own', 'llama'))
  await using session = await agent.open()
  await costOfCall(session)
  const asked = upstream.asked(agent.name).length
  await client.removePriceOverride(name)
  const refused = await session.post(chat())
  assert.deepEqual([refused.status, refused.code], [403, 'model.price_unknown'])
  assert.equal(upstream.asked(agent.name).length, asked)
})

test('a flat sum is charged for each call of a model that nobody can price', async () => {
  const model = { prices: undefined, unknownPriceHoldUsd: '0.0025' }
  const agent = await enrol(ground, { model, limits: { session: { moneyUsd: '0.005' } } })
  await using session = await agent.open()
  assert.equal(await costOfCall(session), '2500000')
  assert.equal(await costOfCall(session), '2500000')
  const third = await session.post(chat())
  assert.equal(third.code, 'budget.exceeded')
})

test('a model that is free costs nothing, and still counts its tokens', async () => {
  const agent = await enrol(ground, { model: { prices: 'free' } })
  await using session = await agent.open()
  assert.equal(await costOfCall(session), '0')
})

test('an estimate from the record of an agent, for the models that are compared', async () => {
  const agent = await enrol(ground, unpriced('openai', 'gpt-4.1-nano'))
  for (let made = 0; made < 2; made += 1) {
    await using session = await agent.open()
    await costOfCall(session)
    await costOfCall(session)
  }
  const estimate = ['estimate', '--agent', agent.name, '--sessions-per-day', '10', '--json']
  const compare = ['--model', 'openai/gpt-4.1-mini', '--rate', 'mine=1,1', '--model', 'mine']
  const done = await airworthy(...estimate, ...compare)
  assert.equal(done.exitCode, 0, done.stderr)
  const result: unknown = JSON.parse(done.stdout)
  assert.deepEqual([at(result, 'calls'), at(result, 'sessions')], [4, 2])
  const cost = usualCostNanoUsd
  assert.equal(at(result, 'models.0.request.p50NanoUsd'), String(cost))
  assert.equal(at(result, 'models.0.session.meanNanoUsd'), String(2 * cost))
  assert.equal(at(result, 'models.0.month.expectedNanoUsd'), String(2 * cost * 300))
  assert.equal(at(result, 'models.1.request.p90NanoUsd'), String(usualTokens * 1000))
  const unknown = await airworthy('estimate', '--agent', agent.name, '--model', 'openai/gpt-4.11')
  assert.equal(unknown.exitCode, 1)
  assert.match(unknown.stderr, /model\.price_unknown.*near: gpt-4\.1/)
})

test("a provider's account of the day is compared with the record", async () => {
  const agent = await enrol(ground, unpriced('mistral', 'mistral-large-latest'))
  await using session = await agent.open()
  const cost = Number(await costOfCall(session)) / 1e9
  const { calls } = await client.listModelUse({ agent: agent.name })
  const day = calls[0]?.at.slice(0, 10)
  const file = join(directory, 'usage.csv')
  const rows = (tokens: number) =>
    `date,model,prompt_tokens,completion_tokens,usd\r\n${day},mistral-large-latest,${tokens},20,${cost.toFixed(9)}\r\n`
  await writeFile(file, rows(100))
  const command = ['usage', 'import', file, '--provider', 'mistral']
  const same = await airworthy(...command)
  assert.equal(same.exitCode, 0, same.stdout + same.stderr)
  assert.match(same.stdout, /mistral-large-latest .* ok/)
  await writeFile(file, rows(110))
  const other = await airworthy(...command, '--json')
  assert.equal(other.exitCode, 2, other.stderr)
  const report: unknown = JSON.parse(other.stdout)
  assert.equal(at(report, 'isWithin'), false)
  assert.equal(at(report, 'lines.0.difference.inputTokens'), -10)
  const imports = await airworthy('usage', 'imports')
  assert.match(imports.stdout, /mistral .*1 %[^]*mistral .* no /)
  await writeFile(file, 'date,model\r\n')
  const wrong = await airworthy(...command)
  assert.equal(wrong.exitCode, 1)
  assert.match(wrong.stderr, /usage\.file_invalid.*no column for tokens or cost/)
})

test('prices are listed, as a table and as JSON', async () => {
  const listed = await airworthy('prices', 'list', 'gpt-4.1-mini', '--provider', 'openai')
  assert.match(listed.stdout, /openai +gpt-4\.1-mini +catalogue +0\.4 +0\.1 +1\.6/)
  const all = await airworthy('prices', 'list', '--json')
  const prices: unknown = at(JSON.parse(all.stdout), 'prices')
  assert.ok(Array.isArray(prices) && prices.length > 1000)
})
