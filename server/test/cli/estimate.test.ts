// What calls cost, without any server: the catalogue that comes with the program.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { runCli } from './run-cli.ts'

const directory = await mkdtemp(join(tmpdir(), 'airworthy-estimate-'))
after(() => rm(directory, { recursive: true, force: true }))

/** At 0.40, 0.10 and 1.60: 400 + 300 + 1,600 nano-USD thousandfold. */
const usage = {
  prompt_tokens: 4000,
  completion_tokens: 1000,
  prompt_tokens_details: { cached_tokens: 3000 },
}
const line = (cost: number) => `${JSON.stringify({ model: 'gpt-4.1-mini', usage, cost })}\n`

async function write(name: string, text: string): Promise<string> {
  const file = join(directory, name)
  await writeFile(file, name.endsWith('.gz') ? gzipSync(text) : text)
  return file
}

test('recorded calls cost what was recorded, or the command ends with 2', async () => {
  const file = await write('same.jsonl.gz', line(0.0023) + line(0.0023))
  const command = ['prices', 'cost', '--offline', '--check', '--json']
  const same = await runCli([...command, file])
  assert.equal(same.exitCode, 0, same.stderr)
  const { isSame, sums } = JSON.parse(same.stdout)
  assert.equal(isSame, true)
  assert.deepEqual(
    [sums[0].calls, sums[0].costNanoUsd, sums[0].recordedNanoUsd, sums[0].differing],
    [2, '4600000', '4600000', 0],
  )
  const other = await runCli([
    ...command,
    await write('off.jsonl', line(0.0023) + line(0.002300001)),
  ])
  assert.equal(other.exitCode, 2)
  assert.equal(JSON.parse(other.stdout).sums[0].differing, 1)
})

test('a file that cannot be read, and a price that nobody knows, are told as such', async () => {
  const broken = await write('broken.jsonl', `${line(1)}{`)
  const read = await runCli(['prices', 'cost', '--offline', broken])
  assert.equal(read.exitCode, 64)
  assert.match(read.stderr, /broken\.jsonl cannot be read: line 2 is no JSON/)
  const cut = await write('cut.jsonl.gz', '')
  await writeFile(cut, gzipSync(line(1)).subarray(0, 20))
  assert.match((await runCli(['prices', 'cost', '--offline', cut])).stderr, /cannot be read/)
  const file = await write('known.jsonl', line(1))
  const unknown = await runCli(['prices', 'cost', '--offline', '--model', 'openai/gpt-4.11', file])
  assert.equal(unknown.exitCode, 1)
  assert.match(unknown.stderr, /model\.price_unknown: .*near: gpt-4\.1/)
})

test('an estimate from averages is what it is by hand', async () => {
  const averages = ['--system-tokens', '500', '--context-tokens', '300', '--query-tokens', '200']
  const rest = ['--output-tokens', '100', '--steps', '2', '--sessions-per-day', '10']
  const command = ['estimate', '--offline', '--json', '--model', 'mine', ...averages, ...rest]
  const done = await runCli([...command, '--rate', 'mine=1,10', '--margin', '25'])
  assert.equal(done.exitCode, 0, done.stderr)
  // 1,000 and 1,100 in at 1, 200 out at 10: 4,100,000 nano-USD.
  const [model] = JSON.parse(done.stdout).models
  assert.equal(model.request.expectedNanoUsd, '2050000')
  assert.deepEqual(model.session, {
    lowNanoUsd: '4100000',
    expectedNanoUsd: '4612500',
    highNanoUsd: '5125000',
  })
  assert.equal(model.month.highNanoUsd, '1537500000')
})

test('an estimate from recorded runs compares models', async () => {
  const file = await write('runs.jsonl', line(0.0023) + line(0.0023) + line(0.0023))
  const command = ['estimate', '--offline', '--recorded', file, '--sessions-per-day', '4']
  const compared = ['--model', 'openai/gpt-4.1-mini', '--model', 'openai/gpt-4.1']
  const done = await runCli([...command, ...compared])
  assert.equal(done.exitCode, 0, done.stderr)
  assert.match(done.stdout, /openai\/gpt-4\.1-mini +\$0\.0023 .*\$0\.276/)
  assert.match(done.stdout, /openai\/gpt-4\.1 +\$0\.0115 .*\$1\.38/)
  const json = await runCli([...command, '--json'])
  assert.equal(JSON.parse(json.stdout).models[0].model, 'as recorded')
})

const wrong: [string, string[], RegExp][] = [
  ['neither records nor averages', ['estimate', '--offline', '--model', 'm'], /give --recorded/],
  [
    'no model',
    ['estimate', '--offline', '--query-tokens', '1', '--output-tokens', '1'],
    /give --model/,
  ],
  [
    'rates that are none',
    [
      'estimate',
      '--offline',
      '--rate',
      'm=x',
      '--query-tokens',
      '1',
      '--output-tokens',
      '1',
      '--model',
      'm',
    ],
    /--rate m=x: give <model>=<input>,<output>/,
  ],
  ['a margin that falls', ['estimate', '--margin', '30-20'], /give a percentage such as 25/],
]
for (const [name, args, message] of wrong) {
  test(`an estimate with ${name} is refused as usage`, async () => {
    const done = await runCli(args)
    assert.equal(done.exitCode, 64)
    assert.match(done.stderr, message)
  })
}
