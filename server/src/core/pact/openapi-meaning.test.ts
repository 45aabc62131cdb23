import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifest } from './manifest.ts'

function problemsOf(server: object): string[] {
  const manifest = {
    schema: 'airworthy.manifest/1',
    agent: { name: 'a', owner: 'o', stakes: 'low' },
    toolServers: {
      shop: {
        transport: 'openapi',
        document: { url: 'https://api.example/openapi.json?v=1' },
        baseUrl: 'https://api.example/v1',
        operations: ['get*'],
        ...server,
      },
    },
    pact: { permissions: [{ id: 'all', effect: 'allow', tools: ['shop/*'] }] },
  }
  const outcome = parseManifest(JSON.stringify(manifest), 'agent.json')
  return outcome.kind === 'ok'
    ? []
    : outcome.problems.map(({ path, message }) => `${path} ${message}`)
}

test('an API by its document and its place is right', () => {
  assert.deepEqual(problemsOf({}), [])
  assert.deepEqual(problemsOf({ document: { inline: { openapi: '3.1.0' } } }), [])
})

const auth = { kind: 'bearer', env: 'KEY' }
const wrong: [string, object, RegExp][] = [
  [
    'a user in the URL',
    { baseUrl: 'https://a:b@h/' },
    /^toolServers\.shop\.baseUrl .*no user name$/,
  ],
  ['a query in the URL', { baseUrl: 'https://h/?a=b' }, /^toolServers\.shop\.baseUrl .*no query/],
  ['a fragment', { baseUrl: 'https://h/#a' }, /^toolServers\.shop\.baseUrl /],
  ['no URL', { baseUrl: 'http://[' }, /^toolServers\.shop\.baseUrl got "http:\/\/\["/],
  ['another scheme', { baseUrl: 'file:///etc/passwd' }, /^toolServers\.shop\.baseUrl /],
  [
    'a password for the document',
    { document: { url: 'https://a:secret@h/' } },
    /^toolServers\.shop\.document\.url got "\(a URL\)"/,
  ],
  ['no operations', { operations: [] }, /^toolServers\.shop\.operations /],
  ['a secret in the clear', { baseUrl: 'http://h/', auth }, /^toolServers\.shop\.baseUrl .*https/],
  ['a file', { document: { file: 'a.yaml' } }, /^toolServers\.shop\.document .*command line/],
  ['both', { document: { url: 'https://h/', inline: {} } }, /^toolServers\.shop\.document/],
  [
    'a kind of auth',
    { auth: { kind: 'oauth', env: 'K' } },
    /auth\.kind .*bearer, header, query or/,
  ],
  ['a header with a break', { headers: { a: 'b\r\nc: d' } }, /headers\.a .*a header value/],
  ['a secret as a header name', { idempotencyHeader: 'a: b' }, /idempotencyHeader/],
]
for (const [name, server, expected] of wrong) {
  test(`refuses ${name}`, () => {
    const problems = problemsOf(server)
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      problems.join('\n'),
    )
  })
}

test("over plain http a secret may go to an API of one's own", () => {
  assert.deepEqual(problemsOf({ baseUrl: 'http://h/', auth, allowPrivate: ['h'] }), [])
})
