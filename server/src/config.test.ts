import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { readConfig } from './config.ts'

test('an empty environment gives the defaults', () => {
  const config = readConfig({}, {})
  assert.equal(config.dataDir, resolve('.airworthy'))
  assert.equal(config.databaseUrl, undefined)
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 4100)
})

test('the command line wins over the environment, and an empty variable counts as not set', () => {
  const env = { AIRWORTHY_PORT: '5000', DATABASE_URL: '', AIRWORTHY_DATA: '/var/lib/airworthy' }
  assert.equal(readConfig(env).port, 5000)
  assert.equal(readConfig(env).databaseUrl, undefined)
  assert.equal(readConfig(env).dataDir, '/var/lib/airworthy')
  assert.equal(readConfig(env, { port: '0' }).port, 0)
})

test('origins are taken exactly as browsers send them', () => {
  const env = { AIRWORTHY_ALLOWED_ORIGINS: 'https://a.example.com, http://b.example.com:8080' }
  const wanted = ['https://a.example.com', 'http://b.example.com:8080']
  assert.deepEqual([...readConfig(env).allowedOrigins], wanted)
  assert.deepEqual([...readConfig({}).allowedOrigins], [])
})

const wrong = [
  { AIRWORTHY_PORT: '65536' },
  { AIRWORTHY_PORT: '-1' },
  { AIRWORTHY_PORT: '4100.5' },
  { AIRWORTHY_PORT: 'http' },
  { AIRWORTHY_HOST: 'a b' },
  { DATABASE_URL: 'mysql://user:secret@host/db' },
  { DATABASE_URL: 'user:secret' },
  { AIRWORTHY_BODY_BYTES_MAX: '10' },
  { AIRWORTHY_MODEL_CONCURRENCY: '0' },
  { AIRWORTHY_AGENT_MODEL_QUEUE: '-1' },
  { AIRWORTHY_MODEL_QUEUE_WAIT_MS: '1h' },
  { AIRWORTHY_ALLOWED_ORIGINS: 'https://a.example.com/' },
  { AIRWORTHY_ALLOWED_ORIGINS: 'https://a.example.com, *' },
  { AIRWORTHY_CHANNEL_PRIVATE: 'hooks.internal, 10.0.0.0/99' },
]
for (const env of wrong) {
  const [name = ''] = Object.keys(env)
  test(`refuses ${JSON.stringify(env)} by name, without repeating a secret`, () => {
    assert.throws(
      () => readConfig(env),
      (thrown) => {
        assert.ok(thrown instanceof Error)
        assert.match(thrown.message, new RegExp(`^${name} `))
        assert.doesNotMatch(thrown.message, /secret/)
        return true
      },
    )
  })
}
