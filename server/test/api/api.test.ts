// What holds for every address of the control API.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Health } from '@airworthy/sdk'
import { operations } from '../../src/api/operations.ts'
import { bootstrapOrganisation } from '../../src/store/organisations.ts'
import { type ApiServer, ask, fieldOf, startApi } from './api-server.ts'

let api: ApiServer
const health: { -readonly [Field in keyof Health]: Health[Field] } = {
  status: 'ok',
  version: '1.2.3',
  database: { version: '18.0', embedded: true, clockSkewMs: 0 },
  openCalls: 0,
}
before(async () => {
  api = await startApi(() => ({
    health: async () => ({ ...health }),
    tools: {
      list: async () => {
        throw new Error('the secret cause')
      },
    },
  }))
})
after(() => api[Symbol.asyncDispose]())

test('answers one shape of error, with the page of its code', async () => {
  const answer = await ask(api, { path: '/v1/nowhere' })
  assert.equal(answer.status, 404)
  assert.deepEqual(fieldOf(answer.body, 'error'), {
    code: 'request.not_found',
    message: 'there is nothing at this address',
    type: 'airworthy_error',
    page: 'docs/errors/request.not_found.md',
  })
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
})

test('says which methods an address takes', async () => {
  const answer = await ask(api, { path: '/v1/holds', method: 'DELETE' })
  assert.deepEqual([answer.status, answer.code], [405, 'request.method_not_allowed'])
  assert.equal(answer.headers.get('allow'), 'GET')
})

test('refuses a body that is too large, no JSON, or of another type', async () => {
  const path = '/v1/sessions'
  const large = await ask(api, { path, text: `"${'x'.repeat(1024 * 1024)}"` })
  assert.deepEqual([large.status, large.code], [413, 'request.too_large'])
  const broken = await ask(api, { path, text: '{"agent":' })
  assert.deepEqual([broken.status, broken.code], [400, 'request.invalid_json'])
  const form = await ask(api, {
    path,
    text: 'agent=desk',
    contentType: 'application/x-www-form-urlencoded',
  })
  assert.deepEqual([form.status, form.code], [415, 'request.unsupported_media'])
  const empty = await ask(api, { path, method: 'POST' })
  assert.deepEqual([empty.status, empty.code], [400, 'request.invalid'])
})

test('keeps the cause of a defect out of the reply, and in the log', async () => {
  const manifest = 'schema: airworthy.manifest/1\nagent: { name: a, owner: b, stakes: low }\n'
  const pact = 'pact: { permissions: [] }\n'
  const body = { manifest: manifest + pact, file: 'a.yaml' }
  const answer = await ask(api, { path: '/v1/agents', body })
  assert.deepEqual([answer.status, answer.code], [500, 'internal.unexpected'])
  assert.ok(!JSON.stringify(answer.body).includes('secret'))
  assert.equal(api.logged.length, 1)
})

test('answers its health without a key, and 503 when it cannot work', async () => {
  assert.equal((await ask(api, { path: '/healthz', key: null })).status, 200)
  health.status = 'failing'
  health.database = null
  assert.equal((await ask(api, { path: '/healthz', key: null })).status, 503)
  assert.equal((await api.client.health()).status, 'failing')
  health.status = 'ok'
})

test('serves a page to people and JSON to programs', async () => {
  const page = await fetch(api.baseUrl, { headers: { accept: 'text/html' } })
  assert.match(await page.text(), /<!doctype html>/)
  const json = await ask(api, { path: '/', key: null })
  assert.equal(fieldOf(json.body, 'openapi'), '/openapi.json')
})

test('describes every operation in OpenAPI 3.1, and every reference leads somewhere', async () => {
  const { body } = await ask(api, { path: '/openapi.json', key: null })
  assert.equal(fieldOf(body, 'openapi'), '3.1.0')
  const paths = fieldOf(body, 'paths')
  for (const { path, method, id } of operations) {
    const described = fieldOf(fieldOf(paths, path), method.toLowerCase())
    assert.equal(fieldOf(described, 'operationId'), id)
  }
  const schemas = fieldOf(fieldOf(body, 'components'), 'schemas')
  const references = JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g)
  for (const [, name = ''] of references) assert.ok(fieldOf(schemas, name) !== undefined, name)
  assert.ok(!JSON.stringify(body).includes('$defs'))
})

test('has a file named after each operation', async () => {
  const folder = join(import.meta.dirname, '..', '..', 'src', 'api')
  const files = await readdir(folder, { recursive: true })
  for (const { id } of operations) {
    assert.ok(
      files.some((file) => file.endsWith(`/${id}.ts`)),
      id,
    )
  }
})

test('finds the same organisation and log however often it starts', async () => {
  const again = await Promise.all([bootstrapOrganisation(api.db), bootstrapOrganisation(api.db)])
  assert.ok(again.every(({ organisationId }) => organisationId === api.organisationId))
})
