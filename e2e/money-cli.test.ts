// `airworthy limit`, `asset` and `quote` as people use them, against the real server.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bankManifest, startBank } from '../examples/bank/server.ts'
import { runCli } from '../server/test/cli/run-cli.ts'
import { createTestDatabase } from '../server/test/database.ts'
import { agentClients } from './harness/clients.ts'
import { at } from './harness/json.ts'
import { addPerson } from './harness/operators.ts'
import { startServer } from './harness/server.ts'

test('people set, loosen and look at limits at their terminals', async () => {
  await using owner = new AsyncDisposableStack()
  const { url: databaseUrl } = owner.use(await createTestDatabase())
  const bank = owner.use(await startBank())
  const server = owner.use(await startServer({ databaseUrl }))
  const folder = await mkdtemp(join(tmpdir(), 'airworthy-money-'))
  owner.defer(() => rm(folder, { recursive: true, force: true }))
  const terminalOf = async (name: string) => {
    const person = await addPerson(server, { role: 'operator', name })
    const keyFile = join(folder, `${name}.key`)
    await writeFile(keyFile, person.apiKey, { mode: 0o600 })
    return async (...args: string[]) => {
      const env = { AIRWORTHY_URL: server.url }
      const done = await runCli([...args, '--key-file', keyFile], { env })
      return { ...done, json: () => JSON.parse(done.stdout) as unknown }
    }
  }
  const ann = await terminalOf('ann')
  const ben = await terminalOf('ben')
  const confirm = async (text: string): Promise<void> => {
    const id = /airworthy proposal confirm ([0-9a-f-]{36})/.exec(text)?.[1] ?? ''
    const done = await ben('proposal', 'confirm', id)
    assert.equal(done.exitCode, 0, `${done.stderr} ${text}`)
  }

  const usage = await ann('limit', 'set', 'day')
  assert.notEqual(usage.exitCode, 0)
  assert.match(usage.stderr, /--kind/)
  const windowed = ['--window', 'calendar:day:Europe/Berlin']
  const day = ['limit', 'set', 'day', '--kind', 'window', '--asset', 'EUR', ...windowed]
  const made = await ann(...day, '--max', '100', '--json')
  assert.deepEqual([at(made.json(), 'created'), at(made.json(), 'limit.max')], [true, '100.00'])
  const tighter = await ann('limit', 'set', 'day', '--max', '90')
  assert.match(tighter.stderr, /what it counted stays/, tighter.stderr)
  const silent = await ann('limit', 'set', 'day', '--max', '200')
  assert.match(silent.stderr, /reason/)
  const looser = await ann('limit', 'set', 'day', '--max', '200', '--reason', 'end of quarter')
  assert.match(looser.stderr, /loosens max/)
  const own = /confirm ([0-9a-f-]{36})/.exec(looser.stderr)?.[1] ?? ''
  const alone = await ann('proposal', 'confirm', own)
  assert.match(alone.stderr, /proposal\.same_person/)
  await confirm(looser.stderr)
  const shown = await ann('limit', 'show', 'day')
  assert.match(shown.stdout, /200\.00 EUR/)

  const allow = ['limit', 'set', 'known', '--kind', 'allow', '--counterparties', 'acct-1,shop-*']
  assert.equal((await ann(...allow)).exitCode, 0)
  const list = await ann('limit', 'list')
  assert.match(list.stdout, /shop-\*, 1 identifiers/)
  const lists = at((await ann('limit', 'list', '--json')).json(), 'limits')
  assert.equal(Array.isArray(lists) ? lists.length : 0, 2)

  const quoted = await ann('quote', 'set', 'USD/EUR', '0.9223', '--source', 'ECB 2026-11-20')
  assert.match(quoted.stdout, /no quote yet/)
  await confirm(quoted.stderr)
  const next = await ann('quote', 'set', 'USD/EUR', '0.9', '--source', 'ECB 2026-11-21')
  assert.match(next.stdout, /1 iso4217:USD counts as 0\.9 iso4217:EUR/)
  const low = await ann('quote', 'set', 'USD/EUR', '0.5', '--source', 'a slip', '--json')
  assert.equal(typeof at(low.json(), 'proposal'), 'string')
  assert.match((await ann('quote', 'list')).stdout, /0\.9 .*yes/)

  const asset = 'eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913'
  assert.equal((await ann('asset', 'add', asset, '--decimals', '6')).exitCode, 0)
  assert.match((await ann('asset', 'add', asset, '--decimals', '18')).stderr, /money\.asset_fixed/)
  assert.match((await ann('asset', 'list')).stdout, /0x833589.* 6 /)

  const open = ['limit', 'set', 'open', '--kind', 'open', '--asset', 'USD', '--max', '60']
  assert.equal((await ann(...open)).exitCode, 0)
  const manifest = bankManifest({ agent: 'payer', url: bank.url })
  const { apiKey } = await server.client.enrolAgent({ manifest, file: 'payer.json' })
  const { sessionKey } = await server.client.openSession({ agent: 'payer' })
  await using payer = agentClients({
    url: server.url,
    apiKey: apiKey ?? '',
    sessionKey,
    server: 'bank',
  })
  const aside = { to: 'acct-1', amount: '50', reference: 'a' }
  assert.equal((await payer.call('authorise', aside)).isError, false)
  const authorisations = await ann('limit', 'authorisations', '--json')
  const callId = String(at(authorisations.json(), 'authorisations.0.callId'))
  assert.match((await ann('limit', 'authorisations')).stdout, /bank\/authorise +50\.00 +USD/)
  assert.notEqual((await ann('limit', 'release-authorisation', callId)).exitCode, 0)
  const reason = ['--reason', 'it expired at the provider']
  await confirm((await ann('limit', 'release-authorisation', callId, ...reason)).stdout)
  const gone = await ann('limit', 'release-authorisation', callId, ...reason)
  assert.match(gone.stderr, /money\.authorisation_unknown/)

  const removed = await ann('limit', 'remove', 'known', '--reason', 'not needed')
  await confirm(removed.stdout)
  assert.match((await ann('limit', 'show', 'known')).stderr, /limit\.unknown/)
})
