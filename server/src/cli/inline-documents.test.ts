import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import { inlineDocuments } from './inline-documents.ts'

const folder = await mkdtemp(join(tmpdir(), 'airworthy-cli-'))
after(() => rm(folder, { recursive: true }))
const manifestFile = join(folder, 'agent.yaml')
const api = { openapi: '3.1.0', info: { title: 'é\u0085\u2028 "quoted"', version: '1' }, paths: {} }
await writeFile(join(folder, 'api.json'), JSON.stringify(api))
await writeFile(join(folder, 'api.yaml'), 'openapi: 3.1.0\npaths:\n  /a: { get: {} }\n')

function manifestWith(document: string): string {
  return `schema: x\ntoolServers:\n  shop:\n    transport: openapi\n    ${document}\n    baseUrl: b\nagent: { name: a }\n`
}

/** The line on which it stands. */
function lineOf(whole: string, what: string): number {
  return whole.slice(0, whole.indexOf(what)).split('\n').length
}

const written: [string, string][] = [
  ['a block', 'document:\n      # where it is\n      file: api.json'],
  ['a block with an empty line', 'document:\n      file: api.json\n'],
  ['a flow', 'document: { file: api.json }'],
  ['a flow over lines', 'document: {\n        file: "api.json",\n      }'],
  ['a path in quotes', "document: { file: './api.json' }"],
]
for (const [name, document] of written) {
  test(`${name} becomes the document, and no line moves`, async () => {
    const before = manifestWith(document)
    const text = await inlineDocuments(before, manifestFile)
    assert.deepEqual(parse(text), {
      schema: 'x',
      toolServers: { shop: { transport: 'openapi', document: { inline: api }, baseUrl: 'b' } },
      agent: { name: 'a' },
    })
    for (const what of ['    baseUrl: b', 'agent: {']) {
      assert.equal(lineOf(text, what), lineOf(before, what))
    }
  })
}

test('two servers, JSON and YAML', async () => {
  const manifest = JSON.stringify({
    toolServers: { a: { document: { file: 'api.json' } }, b: { document: { file: 'api.yaml' } } },
  })
  assert.deepEqual(parse(await inlineDocuments(manifest, manifestFile)), {
    toolServers: {
      a: { document: { inline: api } },
      b: { document: { inline: { openapi: '3.1.0', paths: { '/a': { get: {} } } } } },
    },
  })
})

for (const manifest of [
  'a: [',
  'toolServers: 5',
  manifestWith('document: { url: "http://a" }'),
  manifestWith('document: { file: a.yaml, url: "http://a" }'),
  manifestWith('document: { file: 5 }'),
]) {
  test(`leaves ${JSON.stringify(manifest)} to the server`, async () => {
    assert.equal(await inlineDocuments(manifest, manifestFile), manifest)
  })
}

test('a file that is away, is no YAML, or is too long is named', async () => {
  await writeFile(join(folder, 'bad.yaml'), 'a: [')
  await writeFile(join(folder, 'long.json'), JSON.stringify({ a: 'x'.repeat(500_000) }))
  const refused: [string, RegExp][] = [
    ['none.yaml', /no OpenAPI document that can be read at .*none\.yaml/],
    ['bad.yaml', /bad\.yaml is no YAML or JSON/],
    ['long.json', /give larger documents as document\.url/],
  ]
  for (const [file, message] of refused) {
    const manifest = manifestWith(`document: { file: ${file} }`)
    await assert.rejects(inlineDocuments(manifest, manifestFile), { name: 'UsageError', message })
  }
})
