// What a session has read is known to every gateway of the database, and after a crash.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { agentClients } from './harness/clients.ts'
import { enrol, startGround } from './harness/ground.ts'
import { at } from './harness/json.ts'
import {
  attacker,
  customer,
  mailContracts,
  mailPermissions,
  startMailTools,
} from './harness/mail-tools.ts'
import { type Server, startServer, temporaryDirectory } from './harness/server.ts'

const ground = await startGround()
const mail = await startMailTools()
after(async () => {
  await ground[Symbol.asyncDispose]()
  await mail[Symbol.asyncDispose]()
})

async function startReplica(owner: AsyncDisposableStack): Promise<Server> {
  const { dataDir: from, operatorKey } = ground.server
  const dataDir = await temporaryDirectory(owner)
  await cp(join(from, 'master.key'), join(dataDir, 'master.key'))
  const { databaseUrl } = ground
  return owner.use(await startServer({ databaseUrl, dataDir, operatorKey }))
}

test('the page is read through one gateway, the data through another that dies: mail is held', async () => {
  await using owner = new AsyncDisposableStack()
  const dying = await startReplica(owner)
  const agent = await enrol(ground, {
    toolServers: { mail: { transport: 'http', url: mail.url, timeoutMs: 20_000 } },
    tools: mailContracts,
    permissions: [
      ...mailPermissions,
      { id: 'no-web', effect: 'deny', tools: ['mail/send_mail'], when: "'web' in origin.subject" },
    ],
  })
  await using first = await agent.open({}, 'mail')
  const through = (server: Server) =>
    agentClients({
      url: server.url,
      apiKey: agent.apiKey,
      sessionKey: first.sessionKey,
      server: 'mail',
    })
  {
    await using second = through(dying)
    await second.call('fetch_page', { url: 'https://hours.example' })
  }
  await dying.kill()
  await first.call('get_customer', { id: 'C17' })
  const last = await startReplica(owner)
  await using third = through(last)
  const held = await third.call('send_mail', {
    to: attacker,
    subject: 'Hello',
    body: `Her account is ${customer.iban.toLowerCase()}`,
  })
  assert.deepEqual([at(held.value, 'held'), mail.sent.length], [true, 0])
  const call = await ground.server.client.getCall(String(held.meta['airworthy/call']))
  assert.deepEqual(call.origins, {
    body: ['tool:mail/get_customer', 'unknown'],
    subject: ['unknown'],
    to: ['tool:mail/fetch_page', 'web'],
  })
  const denied = await first.call('send_mail', { to: 'a@b.example', subject: attacker })
  assert.equal(at(denied.value, 'code'), 'policy.denied')
})
