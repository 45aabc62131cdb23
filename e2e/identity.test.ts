// DIDs of a real server: made, served, rotated, recovered, witnessed, deactivated; and the keys of
// agents, revoked at once.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { AirworthyApiError, type Identity } from '@airworthy/sdk'
import { chat, postJson } from './harness/clients.ts'
import { enrol, standGround, startGround } from './harness/ground.ts'
import { asRecord, at, textAt } from './harness/json.ts'
import { startServer, type Server } from './harness/server.ts'

const ground = await standGround()
const { server } = ground
const program = fileURLToPath(new URL('../server/bin/airworthy.js', import.meta.url))

/** What a command prints with --json. Throws with its output when it fails. */
async function run(of: Server, ...args: string[]): Promise<unknown> {
  const child = spawn(process.execPath, [program, '--json', '--url', of.url, ...args], {
    env: { ...process.env, AIRWORTHY_OPERATOR_KEY: of.operatorKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const code = await new Promise((resolve) => {
    if (child.exitCode === null) child.once('exit', resolve)
    else resolve(child.exitCode)
  })
  if (code !== 0) throw new Error(`${args.join(' ')}: ${out}${errors}`)
  return JSON.parse(out)
}

async function published(of: Server, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`${of.url}${path}`)
  return { status: response.status, body: await response.text() }
}

async function lines(of: Server, path: string): Promise<unknown[]> {
  const { body } = await published(of, path)
  return body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

async function refusedBy(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (thrown) {
    if (thrown instanceof AirworthyApiError) return thrown.code
    throw thrown
  }
  return 'not refused'
}

function publicJwk(): Record<string, unknown> {
  return asRecord(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }))
}

test('the organisation and each agent have a DID at the address that it stands for', async () => {
  const { port } = new URL(server.url)
  const organisation = await server.client.getIdentity()
  assert.match(organisation.did, new RegExp(`^did:webvh:Qm\\w{44}:localhost%3A${port}$`))
  assert.equal(organisation.webDid, `did:web:localhost%3A${port}`)
  const document = JSON.parse((await published(server, '/.well-known/did.json')).body)
  assert.equal(document.id, organisation.webDid)
  assert.deepEqual(document.alsoKnownAs, [organisation.did])
  const agent = await enrol(ground)
  const own = await server.client.getIdentity({ agent: agent.name })
  const path = `/agents/${own.agent}`
  const [first] = await lines(server, `${path}/did.jsonl`)
  assert.equal(at(first, 'state.id'), own.did)
  assert.equal(at(first, 'state.controller'), organisation.did)
  const agentDocument = JSON.parse((await published(server, `${path}/did.json`)).body)
  assert.deepEqual([agentDocument.id, agentDocument.controller], [own.webDid, organisation.did])
  assert.equal((await published(server, `/agents/${server.pid}/did.json`)).status, 404)
})

test("a call's entry names the agent's DID", async () => {
  const agent = await enrol(ground)
  const { did } = await server.client.getIdentity({ agent: agent.name })
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  const { rows } = await ground.database.query<{ entry: Buffer }>(
    'SELECT entry FROM airworthy.entries ORDER BY seq',
  )
  const entries = rows.map((row) => asRecord(JSON.parse(row.entry.toString('utf8'))))
  // Without the host, which may change.
  const stable = did.split(':', 3).join(':')
  const ofAgent = entries.filter((entry) => entry['did'] === stable)
  assert.deepEqual(
    ofAgent.map((entry) => entry['type']),
    ['call.intent'],
  )
  assert.ok(rows.every((row) => row.entry.length <= 1024))
})

test('a public key that is enrolled is in the DID document, and is gone when it is revoked', async () => {
  const agent = await enrol(ground)
  const key = await server.client.addPublicKey(agent.name, { jwk: publicJwk() })
  const before = await server.client.getIdentity({ agent: agent.name })
  assert.ok(before.versionId.startsWith('2-'))
  const log = await lines(server, `/agents/${before.agent}/did.jsonl`)
  const [method] = [at(log.at(-1), 'state.verificationMethod.0.publicKeyMultibase')]
  assert.match(String(method), /^z6Mk/)
  const issued = await server.client.issueKey(agent.name, { thumbprint: key.thumbprint })
  await server.client.revokePublicKey(agent.name, key.thumbprint)
  const after = await server.client.getIdentity({ agent: agent.name })
  assert.deepEqual(after.document['verificationMethod'], [])
  const reply = await postJson(`${server.url}/v1/chat/completions`, {
    body: chat(),
    headers: { authorization: `Bearer ${issued.apiKey}` },
  })
  assert.equal(reply.status, 401)
  const other = await enrol(ground)
  assert.equal(
    await refusedBy(server.client.addPublicKey(other.name, { jwk: { ...key.jwk } })),
    'identity.key_taken',
  )
})

test('an unsafe key, or a private one, is not enrolled', async () => {
  const agent = await enrol(ground)
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) }
  assert.equal(
    await refusedBy(server.client.addPublicKey(agent.name, { jwk })),
    'identity.key_unsafe',
  )
  const secret = asRecord(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }))
  assert.equal(
    await refusedBy(server.client.addPublicKey(agent.name, { jwk: { ...secret } })),
    'identity.key_invalid',
  )
})

test('an API key has scopes and an end; one that is rotated works on for a while', async () => {
  const agent = await enrol(ground)
  const post = (key: string) =>
    postJson(`${server.url}/v1/chat/completions`, {
      body: chat(),
      headers: { authorization: `Bearer ${key}` },
    })
  const tools = await server.client.issueKey(agent.name, { scopes: ['tools'] })
  assert.deepEqual((await post(tools.apiKey)).code, 'auth.forbidden')
  const models = await server.client.issueKey(agent.name, { scopes: ['models'] })
  assert.equal((await post(models.apiKey)).status, 200)
  const next = await server.client.rotateKey(agent.name, models.id, { overlapSeconds: 3600 })
  assert.equal((await post(models.apiKey)).status, 200)
  assert.equal((await post(next.apiKey)).status, 200)
  const last = await server.client.rotateKey(agent.name, next.id, { overlapSeconds: 0 })
  assert.equal((await post(next.apiKey)).code, 'auth.revoked_key')
  assert.equal((await post(last.apiKey)).status, 200)
})

test('a DID that is deactivated stays so, and its agent may do nothing any more', async () => {
  const agent = await enrol(ground)
  await using session = await agent.open()
  assert.equal((await session.post(chat())).status, 200)
  const { isDeactivated } = await server.client.deactivateIdentity({ agent: agent.name })
  assert.equal(isDeactivated, true)
  assert.equal((await session.post(chat())).code, 'auth.revoked_key')
  const refused = [
    () => server.client.rotateIdentity({ agent: agent.name }),
    () => server.client.addPublicKey(agent.name, { jwk: publicJwk() }),
    () => server.client.issueKey(agent.name),
  ]
  for (const each of refused) assert.equal(await refusedBy(each()), 'identity.deactivated')
})

test('rotations and restarts leave one history; a lost key is recovered with another', async () => {
  await using own = await startGround()
  const { dataDir } = own.server
  const recovery = join(dataDir, 'recovery.pem')
  const made = await run(own.server, 'identity', 'recovery-key', recovery)
  const before = await own.server.client.getIdentity()
  const multikey = textAt(made, 'multikey')
  const rotated = asRecord(await run(own.server, 'identity', 'rotate', '--recovery-key', multikey))
  assert.equal(rotated['did'], before.did)
  // The keystore loses every update key, as when its disk is gone.
  const path = join(dataDir, 'keystore.json')
  const keystore: { keys: Record<string, unknown> } = JSON.parse(await readFile(path, 'utf8'))
  for (const name of Object.keys(keystore.keys)) {
    if (name.startsWith('update.')) delete keystore.keys[name]
  }
  await writeFile(path, JSON.stringify(keystore), { mode: 0o600 })
  assert.notEqual(await refusedBy(own.server.client.rotateIdentity()), 'not refused')
  assert.equal(await refusedBy(own.server.client.rotateIdentity()), 'identity.rotation_refused')
  const wrong = join(dataDir, 'wrong.pem')
  await run(own.server, 'identity', 'recovery-key', wrong)
  await assert.rejects(run(own.server, 'identity', 'recover', '--key', wrong), /did not commit/)
  await run(own.server, 'identity', 'recover', '--key', recovery)
  const after = await own.server.client.rotateIdentity()
  assert.equal(after.did, before.did)
  assert.equal((await lines(own.server, '/.well-known/did.jsonl')).length, 4)
  // The same key does not recover twice: it was not committed to again.
  await assert.rejects(run(own.server, 'identity', 'recover', '--key', recovery), /did not commit/)
})

test('a version waits for its witness, which approves one history only', async () => {
  await using own = await startGround()
  await using other = await startGround()
  const { witnessDid } = await other.server.client.getIdentity()
  const rule = { threshold: 1, witnesses: [witnessDid] }
  const named = await own.server.client.rotateIdentity({ witness: rule })
  // From none to some they count at once.
  assert.equal(named.versionId.startsWith('1-'), true)
  const log = named.pendingLog ?? ''
  assert.equal((await lines(own.server, '/.well-known/did.jsonl')).length, 1)
  assert.equal(await refusedBy(own.server.client.rotateIdentity()), 'identity.rotation_refused')
  const approval = await other.server.client.witnessDid({ did: named.did, log })
  const stranger = await own.server.client.getIdentity()
  assert.equal(
    await refusedBy(own.server.client.witnessDid({ did: named.did, log })),
    'identity.rotation_refused',
  )
  const approved: Identity = await own.server.client.addWitnessProof(approval)
  assert.deepEqual([approved.versionId, approved.pendingLog], [approval.versionId, null])
  assert.notEqual(stranger.versionId, approved.versionId)
  await own.server.client.rotateIdentity()
  const pending = (await own.server.client.getIdentity()).pendingLog ?? ''
  const [first = '', second = '', third = ''] = pending.trim().split('\n')
  const next = await other.server.client.witnessDid({ did: named.did, log: pending })
  await own.server.client.addWitnessProof(next)
  assert.equal((await lines(own.server, '/.well-known/did.jsonl')).length, 3)
  // A shorter history is not the one that was approved last.
  assert.equal(
    await refusedBy(
      other.server.client.witnessDid({ did: named.did, log: [first, second].join('\n') }),
    ),
    'identity.did_unresolvable',
  )
  assert.notEqual(third, '')
})

test('two servers on one database and one keystore make one DID for each agent', async () => {
  await using own = await startGround()
  const keystore = join(own.server.dataDir, 'keystore.json')
  await using second = await startServer({
    databaseUrl: own.databaseUrl,
    operatorKey: own.server.operatorKey,
    env: {
      AIRWORTHY_KEYSTORE: keystore,
      AIRWORTHY_MASTER_KEY: (await readFile(join(own.server.dataDir, 'master.key'), 'utf8')).trim(),
    },
  })
  const agent = await enrol({ ...own, server: second })
  const of = { agent: agent.name }
  const [one, two] = await Promise.all([
    own.server.client.rotateIdentity(of),
    second.client.rotateIdentity(of),
  ])
  assert.equal(one?.did, two?.did)
  const now = await own.server.client.getIdentity(of)
  assert.ok(now.versionId.startsWith('3-'), now.versionId)
})

test('a program that holds the keys signs in the place of a keystore', async () => {
  const signer = fileURLToPath(
    new URL('../server/test/identity/signer-program.ts', import.meta.url),
  )
  const command = [process.execPath, '--conditions=airworthy-source', signer]
  await using own = await startGround({ env: { AIRWORTHY_SIGNER: JSON.stringify(command) } })
  const before = await own.server.client.getIdentity()
  const after = await own.server.client.rotateIdentity()
  assert.deepEqual([after.did, after.versionId.slice(0, 2)], [before.did, '2-'])
  await assert.rejects(readFile(join(own.server.dataDir, 'keystore.json')), { code: 'ENOENT' })
})

test('the keys that replies are signed with are published', async () => {
  const { body } = await published(server, '/.well-known/http-message-signatures-directory')
  const { keys } = JSON.parse(body)
  assert.equal(keys.length, 1)
  assert.match(keys[0].kid, /^[\w-]{43}$/)
})

test('`identity resolve` verifies a did:key, and asks no private host', async () => {
  const { witnessDid } = await server.client.getIdentity()
  const resolved = await run(server, 'identity', 'resolve', witnessDid)
  assert.equal(at(resolved, 'document.id'), witnessDid)
  const { did } = await server.client.getIdentity()
  assert.equal(await refusedBy(server.client.resolveDid(did)), 'upstream.address_forbidden')
})
