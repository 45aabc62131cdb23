// From documents to tools and to requests: what is served, under which schema, and where it goes.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { buildRequest } from './build-request.ts'
import { type ApiSettings, compileApi } from './compile-api.ts'
import { readCredentials } from './credentials.ts'
import { checkDocument, type JsonObject, readDocument } from './document.ts'
import type { Operation } from './operation.ts'

const open: ApiSettings = {
  operations: ['*'],
  methods: undefined,
  paths: undefined,
  auth: undefined,
  headers: {},
  idempotencyHeader: 'Idempotency-Key',
}

function compile(document: JsonObject, settings: Partial<ApiSettings> = {}) {
  const whole = { openapi: '3.1.0', info: { title: 't', version: '1' }, ...document }
  const steps = compileApi(checkDocument(whole), { ...open, ...settings })
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

function only(operation: JsonObject, more: JsonObject = {}, path = '/a/{id}'): Operation {
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }
  const item = {
    parameters: path.includes('{id}') ? [id] : [],
    post: { operationId: 'one', ...operation },
  }
  const found = compile({ paths: { [path]: item }, ...more }).operations.get('one')
  assert.ok(found)
  return found
}

function built(operation: Operation, args: JsonObject, auth?: ApiSettings['auth']) {
  return buildRequest(operation, args, {
    server: {
      baseUrl: 'https://api.example/v1/',
      headers: {},
      idempotencyHeader: 'Idempotency-Key',
    },
    credentials: readCredentials(auth, () => 'secret-value'),
    effectKey: 'key-1',
  })
}

function bodyOf(schema: JsonObject): JsonObject {
  return { requestBody: { required: true, content: { 'application/json': { schema } } } }
}

function bodySchema(operation: Operation): unknown {
  return Reflect.get(Object(operation.tool.inputSchema['properties']), 'body')
}

suite('which operations are served', () => {
  const paths = {
    '/orders': { get: { operationId: 'listOrders' }, post: { operationId: 'orders/create it' } },
    '/orders/{id}': {
      parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      delete: {},
    },
  }
  const names = (settings: Partial<ApiSettings>): string[] => [
    ...compile({ paths }, settings).operations.keys(),
  ]

  test('those that are listed, under names that tools may have', () => {
    assert.deepEqual(names({}), ['listOrders', 'orders_create_it', 'delete_orders_id'])
    assert.deepEqual(names({ operations: ['list*'] }), ['listOrders'])
    assert.deepEqual(names({ methods: ['post', 'delete'] }), [
      'orders_create_it',
      'delete_orders_id',
    ])
    assert.deepEqual(names({ paths: ['/orders/*'] }), ['delete_orders_id'])
  })

  const wrong: [string, Partial<ApiSettings>, RegExp][] = [
    ['a name that there is not', { operations: ['listOrder'] }, /no operation is called listOrder/],
    ['nothing at all', { operations: [] }, /no operation can be served/],
    ['a header of the connection', { headers: { Host: 'a' } }, /headers: Host/],
  ]
  for (const [name, settings, message] of wrong) {
    test(`refuses ${name}`, () => assert.throws(() => compile({ paths }, settings), message))
  }

  test('refuses two operations of one name', () => {
    const twice = { '/a': { get: { operationId: 'x' } }, '/b': { get: { operationId: 'x' } } }
    assert.throws(() => compile({ paths: twice }), /two operations are called x/)
  })

  test('one that cannot be served is refused by its name, and left out of a pattern', () => {
    const content = { 'multipart/form-data': {} }
    const up = { operationId: 'up', requestBody: { required: true, content } }
    const both = { '/a': { post: up }, '/b': { get: { operationId: 'get' } } }
    assert.throws(
      () => compile({ paths: both }, { operations: ['up'] }),
      /up cannot be served: it takes multipart/,
    )
    const { operations, skipped } = compile({ paths: both })
    assert.deepEqual([[...operations.keys()], skipped.map(({ name }) => name)], [['get'], ['up']])
  })

  const documents: [string, string, RegExp][] = [
    ['Swagger 2', '{"swagger":"2.0"}', /must be OpenAPI 3\.0 or 3\.1/],
    ['no JSON', '{"openapi":', /not valid JSON/],
    ['no YAML', 'a: [', /not valid YAML/],
    ['a text', 'hello', /no object/],
  ]
  for (const [name, source, message] of documents) {
    test(`refuses ${name}`, () => assert.throws(() => readDocument(source), message))
  }

  test('reads YAML', () => {
    assert.equal(readDocument('openapi: 3.0.3\npaths: {}\n').is30, true)
  })
})

suite('schemas', () => {
  test('objects take what they declare, and no more, unless the document says so', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } }
    assert.deepEqual(bodySchema(only(bodyOf(schema))), { ...schema, additionalProperties: false })
    const free = { ...schema, additionalProperties: { type: 'integer' } }
    assert.deepEqual(bodySchema(only(bodyOf(free))), free)
    const inputSchema = only(bodyOf(schema)).tool.inputSchema
    assert.deepEqual(inputSchema['required'], ['id', 'body'])
    assert.equal(inputSchema['additionalProperties'], false)
  })

  test('allOf of objects is one object, and alternatives keep what stands beside them', () => {
    const a = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }
    const b = { type: 'object', properties: { b: { type: 'integer' } } }
    const both = { a: { type: 'string' }, b: { type: 'integer' } }
    assert.deepEqual(bodySchema(only(bodyOf({ allOf: [a, b] }))), {
      type: 'object',
      properties: both,
      required: ['a'],
      additionalProperties: false,
    })
    const beside = { properties: { b: { type: 'integer' } }, oneOf: [a, { required: ['b'] }] }
    assert.deepEqual(bodySchema(only(bodyOf(beside))), {
      oneOf: [
        { type: 'object', properties: both, required: ['a'], additionalProperties: false },
        { type: 'object', properties: b.properties, required: ['b'], additionalProperties: false },
      ],
    })
  })

  test('a recursive schema refers to itself', () => {
    const tree = { type: 'object', properties: { below: { $ref: '#/components/schemas/Tree' } } }
    const { inputSchema } = only(bodyOf({ $ref: '#/components/schemas/Tree' }), {
      components: { schemas: { Tree: tree } },
    }).tool
    const closed = {
      type: 'object',
      properties: { below: { $ref: '#/$defs/Tree' } },
      additionalProperties: false,
    }
    assert.deepEqual(inputSchema['$defs'], { Tree: closed })
    assert.deepEqual(Reflect.get(Object(inputSchema['properties']), 'body'), closed)
  })

  test('a schema that would explode when written out refers to its parts', () => {
    const schemas = Object.fromEntries(
      Array.from({ length: 20 }, (_, level) => {
        const next = { $ref: `#/components/schemas/L${level + 1}` }
        return [`L${level}`, { type: 'object', properties: { a: next, b: next } }]
      }),
    )
    const components = { schemas: { ...schemas, L20: { type: 'string' } } }
    const { inputSchema } = only(bodyOf({ $ref: '#/components/schemas/L0' }), { components }).tool
    assert.equal(Object.keys(Object(inputSchema['$defs'])).length, 20)
  })

  test('nullable, exclusive bounds, read-only and write-only are as JSON Schema has them', () => {
    const schema = {
      type: 'object',
      required: ['id', 'n'],
      properties: {
        id: { type: 'string', readOnly: true },
        n: { type: 'integer', minimum: 0, exclusiveMinimum: true, nullable: true, example: 3 },
        s: { type: 'string', writeOnly: true, format: 'made-up' },
      },
    }
    const reply = { 200: { content: { 'application/json': { schema } } } }
    const operation = only({ ...bodyOf(schema), responses: reply }, { openapi: '3.0.3' })
    const n = { type: ['integer', 'null'], exclusiveMinimum: 0 }
    assert.deepEqual(bodySchema(operation), {
      type: 'object',
      required: ['n'],
      properties: { n, s: { type: 'string' } },
      additionalProperties: false,
    })
    const { outputSchema } = operation.tool
    assert.deepEqual(outputSchema?.['properties'], { id: { type: 'string' }, n })
    assert.equal(outputSchema?.['additionalProperties'], undefined)
  })

  test('in a reply a large integer may be a text of its digits', () => {
    const schema = { type: 'object', properties: { n: { type: 'integer', format: 'int64' } } }
    const operation = only({ responses: { 200: { content: { 'application/json': { schema } } } } })
    const { outputSchema } = operation.tool
    assert.deepEqual(outputSchema?.['properties'], { n: { type: ['integer', 'string'] } })
  })

  const wrong: [string, JsonObject, RegExp][] = [
    ['leads nowhere', bodyOf({ $ref: '#/components/schemas/No' }), /leads nowhere/],
    ['leads to another host', bodyOf({ $ref: 'http://evil.example/s' }), /out of the document/],
    ['leads to a file', bodyOf({ $ref: 'file:///etc/passwd' }), /out of the document/],
  ]
  for (const [name, operation, message] of wrong) {
    test(`refuses a reference that ${name}`, () => {
      const paths = { '/a': { post: { operationId: 'one', ...operation } } }
      assert.throws(() => compile({ paths }, { operations: ['one'] }), message)
    })
  }

  test('refuses references in circles', () => {
    const components = { parameters: { A: { $ref: '#/components/parameters/A' } } }
    const paths = {
      '/a': { get: { operationId: 'one', parameters: [{ $ref: '#/components/parameters/A' }] } },
    }
    assert.throws(() => compile({ paths, components }, { operations: ['one'] }), /circles/)
  })

  test('where an argument goes is pinned with the schema', () => {
    const [inQuery, inHeader] = ['query', 'header'].map((place) =>
      only({ parameters: [{ name: 'q', in: place, schema: {} }] }),
    )
    const { $comment: pinned } = inQuery?.tool.inputSchema ?? {}
    assert.equal(typeof pinned, 'string')
    assert.notEqual(pinned, inHeader?.tool.inputSchema['$comment'])
  })
})

suite('requests', () => {
  const parameters = [
    { name: 'filter[state]', in: 'query', schema: { type: 'string' } },
    { name: 'id', in: 'query', schema: { type: 'string' } },
    { name: 'X-Trace', in: 'header', schema: { type: 'string' } },
    { name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string' } },
  ]
  const operation = only({ ...bodyOf({ type: 'object' }), parameters })

  test('each argument goes where the document says, under a name that tools may have', () => {
    assert.deepEqual(
      operation.parameters.map(({ argument }) => argument),
      ['id', 'filter_state', 'query_id', 'X-Trace'],
    )
    const args = { id: 'ä b', filter_state: 'open', query_id: '7', 'X-Trace': 't', body: { a: 1 } }
    const { request } = ok(built(operation, args))
    assert.equal(request.path, '/v1/a/%C3%A4%20b?filter%5Bstate%5D=open&id=7')
    assert.equal(request.body, '{"a":1}')
    assert.equal(request.headers['x-trace'], 't')
    assert.equal(request.headers['idempotency-key'], 'key-1')
    assert.equal(request.headers['content-type'], 'application/json')
  })

  test('credentials are added, and are no arguments', () => {
    const auth = { kind: 'query', parameter: 'api_key', env: 'KEY' } as const
    const { request } = ok(built(operation, { id: '1', body: {} }, auth))
    assert.equal(request.path, '/v1/a/1?api_key=secret-value')
    const exploded = only({ parameters: [{ name: 'o', in: 'query', schema: { type: 'object' } }] })
    assert.equal(built(exploded, { id: '1', o: { api_key: 'mine' } }, auth).kind, 'invalid')
  })

  const hostile = [
    ['..', '.', '', '../x', 'a/b', 'a\\b', '%2e%2e', '%2E%2e', '..%2f', '%2f', '%5c', '%252f'],
    ['%25252fx', '..;', '.;a', 'a\r\nb', 'a\nb', 'a\u0000', 'a%0d%0ab', '%00', 'a\u007f'],
  ].flat()
  for (const id of hostile) {
    test(`refuses the path parameter ${JSON.stringify(id)}`, () => {
      assert.equal(built(operation, { id, body: {} }).kind, 'invalid')
    })
  }
  for (const value of ['a\r\nX-Evil: 1', 'a\nb', '\u0000', '', ' a', 'ä', 'a\u2028b']) {
    test(`refuses the header ${JSON.stringify(value)}`, () => {
      assert.equal(built(operation, { id: '1', body: {}, 'X-Trace': value }).kind, 'invalid')
    })
  }
  const others: [string, JsonObject][] = [
    ['an argument that is not declared', { id: '1', body: {}, admin: true }],
    ['a missing argument', { body: {} }],
    ['a line break in a query', { id: '1', body: {}, query_id: 'a\r\nb' }],
    ['a URL too long', { id: '1', body: {}, query_id: 'x'.repeat(9000) }],
    ['a header the caller may not set', { id: '1', body: {}, 'Idempotency-Key': 'mine' }],
  ]
  for (const [name, args] of others) {
    test(`refuses ${name}`, () => assert.equal(built(operation, args).kind, 'invalid'))
  }

  test('whatever the arguments, a request goes to the operation and carries their very values', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[./\\%;?#a2-5eEfFcC]{0,8}$/),
    )
    fc.assert(
      fc.property(text, text, text, (id, state, trace) => {
        const args = { id, filter_state: state, 'X-Trace': trace, body: {} }
        const end = built(operation, args)
        if (end.kind === 'invalid') return
        const url = new URL(`https://api.example${end.request.path}`)
        const segments = url.pathname.split('/')
        assert.deepEqual(segments.slice(0, 3), ['', 'v1', 'a'])
        assert.equal(segments.length, 4)
        assert.equal(decodeURIComponent(segments[3] ?? ''), id)
        assert.deepEqual([...url.searchParams], [['filter[state]', state]])
        assert.equal(end.request.headers['x-trace'], trace)
      }),
      { numRuns: 500 },
    )
  })

  test('a form is written as its encoding says', () => {
    const content = {
      'application/x-www-form-urlencoded': {
        schema: { type: 'object' },
        encoding: { meta: { style: 'deepObject', explode: true } },
      },
    }
    const form = only({ requestBody: { content } })
    const body = { amount: 5, list: ['a', 'b'], meta: { k: 'v w' }, plain: { j: 1 } }
    const { request } = ok(built(form, { id: '1', body }))
    assert.equal(request.body, 'amount=5&list=a&list=b&meta[k]=v%20w&plain=%7B%22j%22%3A1%7D')
  })

  for (const path of ['/a b', '/a/../b', '/a?x=1', '/ä', '/a#b']) {
    test(`refuses the path ${path}, which a URL would read otherwise`, () => {
      const paths = { [path]: { get: { operationId: 'one' } } }
      assert.throws(() => compile({ paths }, { operations: ['one'] }), /as it goes on the wire/)
    })
  }

  test('refuses what it would have to leave out', () => {
    const cookie = { name: 'sid', in: 'cookie', required: true, schema: {} }
    const host = { name: 'Host', in: 'header', required: true, schema: {} }
    for (const parameter of [cookie, host]) {
      const paths = { '/a': { get: { operationId: 'one', parameters: [parameter] } } }
      assert.throws(() => compile({ paths }, { operations: ['one'] }), /which is not served/)
    }
    const nameless = { '/a/{id}': { get: { operationId: 'one' } } }
    assert.throws(
      () => compile({ paths: nameless }, { operations: ['one'] }),
      /no parameter for \{id\}/,
    )
  })
})

function ok(end: ReturnType<typeof buildRequest>) {
  assert.ok(end.kind === 'ok', end.kind === 'invalid' ? end.message : '')
  return end
}
