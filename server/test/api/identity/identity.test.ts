// DIDs over the control API: each operation's refusals. That they work is shown end to end.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { AirworthyApiError } from '@airworthy/sdk'
import { makePair } from '../../identity/webvh-logs.ts'
import { startApi } from '../api-server.ts'

const api = await startApi()
after(() => api[Symbol.asyncDispose]())
const { client } = api

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (thrown) {
    if (thrown instanceof AirworthyApiError) return thrown.code
    throw thrown
  }
  return 'not refused'
}

test('an agent that is not there has no identity', async () => {
  const agent = 'nobody'
  assert.equal(await codeOf(client.getIdentity({ agent })), 'agent.unknown')
  assert.equal(await codeOf(client.rotateIdentity({ agent })), 'agent.unknown')
  assert.equal(await codeOf(client.deactivateIdentity({ agent })), 'agent.unknown')
  assert.equal(await codeOf(client.listPublicKeys(agent)), 'agent.unknown')
})

test('the identity of the organisation is made when it is asked for', async () => {
  const identity = await client.getIdentity()
  assert.match(identity.did, /^did:webvh:Qm\w{44}:agents\.example\.com$/)
  assert.equal(identity.agent, null)
  assert.equal(identity.nextKeyHashes.length, 1)
})

test('a recovery key must be a multikey that is safe', async () => {
  const recoveryKey = 'z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH'
  await client.rotateIdentity({ recoveryKey })
  assert.equal((await client.getIdentity()).nextKeyHashes.length, 2)
  const wrong = [`${recoveryKey.slice(0, -1)}0`, 'z6Mk', `z${'1'.repeat(47)}`]
  for (const each of wrong) {
    const code = await codeOf(client.rotateIdentity({ recoveryKey: each }))
    assert.ok(['request.invalid', 'identity.key_invalid'].includes(code), code)
  }
})

test('only the key that was committed to recovers a DID', async () => {
  const [committed, stranger] = [makePair(), makePair()]
  await client.rotateIdentity({ recoveryKey: committed.multikey })
  assert.equal(
    await codeOf(client.draftRecovery({ recoveryKey: stranger.multikey })),
    'identity.rotation_refused',
  )
  const { entry } = await client.draftRecovery({ recoveryKey: committed.multikey })
  const unsigned = JSON.stringify({ ...entry, proof: [] })
  assert.equal(
    await codeOf(client.recoverIdentity({ line: unsigned })),
    'identity.did_unresolvable',
  )
  assert.equal(await codeOf(client.recoverIdentity({ line: 'x' })), 'identity.did_unresolvable')
})

test('witnesses must be different did:keys, and a proof must be of one of them', async () => {
  const did = `did:key:${makePair().multikey}`
  const rules = [
    { threshold: 2, witnesses: [did] },
    { threshold: 1, witnesses: [did, did] },
  ]
  for (const witness of rules) {
    const code = await codeOf(client.rotateIdentity({ witness }))
    assert.equal(code, 'identity.did_unresolvable')
  }
  const proof = { type: 'DataIntegrityProof' }
  assert.equal(
    await codeOf(client.addWitnessProof({ versionId: '9-Qm', proof })),
    'identity.did_invalid',
  )
})

test('what is no DID is refused, and no host is asked', async () => {
  for (const did of ['did:ion:a', 'did:web:127.0.0.1', 'did:web:example.com:..', 'x']) {
    assert.equal(await codeOf(client.resolveDid(did)), 'identity.did_invalid', did)
  }
})
