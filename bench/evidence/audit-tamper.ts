// Random changes to a bundle of a real server, held against the verifier of the command line and that
// of the page; some of them against the command itself, in a process of its own.
import { randomInt } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@airworthy/sdk'
import { agentClients, chat } from '../../e2e/harness/clients.ts'
import { startFakeTools } from '../../e2e/harness/fake-tools.ts'
import { startFakeUpstream } from '../../e2e/harness/fake-upstream.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { startServer } from '../../e2e/harness/server.ts'
import { runCli } from '../../server/test/cli/run-cli.ts'
import { repository } from '../airworthy.ts'
import { isRecord, numberField, runProgram } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const tamperingsMin = 1_000
const sessions = 6
const callsEach = 5
const commandsRun = 10
const publishedWithinMs = 30_000

export async function run({ quick, log }: EvidenceOptions): Promise<Figures> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-tamper-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const server = opened.use(await startServer({ databaseUrl: undefined }))
  const { client } = server
  log('a server is used, and its log exported')
  await use(client, server.url)
  const key = await publishedKey(client)
  const bundle = Buffer.concat(await Array.fromAsync(await client.exportLog()))
  const file = join(directory, 'bundle.jsonl')
  await writeFile(file, bundle)
  const count = quick ? tamperingsMin : 5 * tamperingsMin
  const seed = randomInt(2 ** 31 - 1)
  log(`making ${count} tamperings, seed ${seed}`)
  const program = join(repository, 'server/test/audit/tamper-bundle.ts')
  const args = [program, file, key, String(count), String(seed)]
  const figures = await runProgram({ name: 'bundle tamperings', args })
  log('the command itself is asked')
  const verify = async (path: string) =>
    (await runCli(['audit', 'verify', path, '--key', key], { cwd: directory })).exitCode
  const good = await verify(file)
  let commandRefused = 0
  for (let at = 0; at < commandsRun; at += 1) {
    const changed = Buffer.from(bundle)
    const place = randomInt(changed.length)
    changed[place] = (changed[place] ?? 0) ^ (1 << randomInt(8))
    const path = join(directory, 'changed.jsonl')
    await writeFile(path, changed)
    if ((await verify(path)) === 2) commandRefused += 1
  }
  const { accepted, originalAccepted, tamperings } = figures
  const total = isRecord(tamperings)
    ? Object.values(tamperings).reduce<number>((sum, one) => sum + Number(one), 0)
    : 0
  const isGoodAccepted =
    good === 0 &&
    isRecord(originalAccepted) &&
    originalAccepted['command'] === true &&
    originalAccepted['page'] === true
  const isRefused =
    isRecord(accepted) &&
    numberField(accepted, 'command') === 0 &&
    numberField(accepted, 'page') === 0 &&
    commandRefused === commandsRun
  return {
    ...figures,
    seed,
    commandRefused: `${commandRefused} of ${commandsRun}`,
    holds: isGoodAccepted && isRefused && total >= tamperingsMin,
  }
}

async function use(client: Client, url: string): Promise<void> {
  await using opened = new AsyncDisposableStack()
  const upstream = opened.use(await startFakeUpstream())
  const tools = opened.use(await startFakeTools())
  const manifest = manifestText({
    name: 'desk',
    modelBaseUrl: upstream.base('echo', 'desk'),
    toolsUrl: tools.url,
  })
  const { apiKey } = await client.enrolAgent({ manifest, file: 'desk.json' })
  for (let session = 0; session < sessions; session += 1) {
    const { sessionKey } = await client.openSession({ agent: 'desk', task: 'serve' })
    await using agent = agentClients({ url, apiKey: apiKey ?? '', sessionKey, server: 'desk' })
    for (let call = 0; call < callsEach; call += 1) await agent.post(chat())
    await agent.call('write_order', { order_id: `order-${session}` })
  }
}

/** The log's key, when a checkpoint covers what is in the log. */
async function publishedKey(client: Client): Promise<string> {
  const { size } = await client.getLog()
  const until = performance.now() + publishedWithinMs
  for (;;) {
    const shard = (await client.listShards()).shards.at(-1)
    if (Number(shard?.checkpoint?.size ?? 0) >= Number(size)) return shard?.keys[0] ?? ''
    if (performance.now() > until) throw new Error('no checkpoint covers the log')
    await sleep(200)
  }
}
