import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Ajv } from 'ajv'
import * as fc from 'fast-check'
import { featureTools, isFeatureTool } from './features.ts'

function validator(resources: readonly string[]): (uri: string) => boolean {
  const [tool] = featureTools({ resources }, { resources: {} })
  assert.equal(tool?.name, 'resources.read')
  const validate = new Ajv({ strict: false }).compile(tool.inputSchema)
  return (uri) => validate({ uri })
}

function names(grants: object, has: object): string[] {
  return featureTools(grants, has).map((tool) => tool.name)
}

suite('featureTools', () => {
  const mayRead = validator(['file:///docs/*', 'note://a.b'])
  const cases: [string, boolean][] = [
    ['file:///docs/a', true],
    ['file:///docs/a/b.txt', true],
    ['file:///docs/', true],
    ['file:///docs/a..b', true],
    ['file:///docs/...', true],
    ['note://a.b', true],
    ['note://axb', false],
    ['file:///etc/passwd', false],
    ['xfile:///docs/a', false],
    ['file:///docs/../etc/passwd', false],
    ['file:///docs/a/..', false],
    ['file:///docs/%2e%2E/etc/passwd', false],
    ['file:///docs/.%2e/etc', false],
    ['file:///docs/..%2Fetc', false],
    ['file:///docs/x%2f..%2fetc', false],
    ['file:///docs/..\\etc', false],
    ['file:///docs/..?x', false],
    [`file:///docs/${'a'.repeat(2048)}`, false],
  ]
  for (const [uri, expected] of cases) {
    test(`${expected ? 'opens' : 'keeps closed'} ${uri.slice(0, 60)}`, () => {
      assert.equal(mayRead(uri), expected)
    })
  }

  test('law: nothing outside of the prefix is ever opened', () => {
    const isOpen = validator(['a://b/*'])
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        if (isOpen(text)) assert(text.startsWith('a://b/'))
        assert.equal(isOpen(`a://c/${text}`), false)
      }),
    )
  })

  test('makes a tool of what is both opened by the manifest and there, and of nothing else', () => {
    const all = { resources: { subscribe: true }, prompts: {}, completions: {} }
    assert.deepEqual(names({}, all), [])
    assert.deepEqual(names({ resources: ['*'] }, {}), [])
    assert.deepEqual(names({ prompts: ['*'] }, all), ['prompts.get', 'completion.complete'])
    assert.deepEqual(names({ resources: ['*'] }, { resources: {} }), ['resources.read'])
    assert.deepEqual(names({ resources: ['*'], prompts: ['*'] }, all), [
      'resources.read',
      'resources.subscribe',
      'prompts.get',
      'completion.complete',
    ])
  })

  test("a server's own tool of such a name stays a tool where the manifest opens nothing", () => {
    assert.equal(isFeatureTool({}, 'resources.read'), false)
    assert.equal(isFeatureTool({ prompts: ['*'] }, 'resources.read'), false)
    assert.equal(isFeatureTool({ resources: [] }, 'resources.read'), true)
    assert.equal(isFeatureTool({ resources: ['*'] }, 'echo'), false)
  })
})
