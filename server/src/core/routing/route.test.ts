import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { compareAnswers } from './compare-answers.ts'
import { measureComplexity } from './complexity.ts'
import { compileRouteCondition, routingEnvironment, type ReplyFacts } from './environment.ts'
import { readReplyFacts } from './reply-facts.ts'
import { readRequestFacts } from './request-facts.ts'
import { chooseRoute, type CompiledRoute, findFault } from './route.ts'

const environment = routingEnvironment({ tier: 'string' }, 'request')

function condition(source: string) {
  const compiled = compileRouteCondition(source, environment)
  assert.equal(compiled.kind, 'ok')
  if (compiled.kind !== 'ok') throw new Error('not a condition')
  return compiled.condition
}

function factsOf(text: string, scope: Record<string, string> = {}) {
  const body = { model: 'auto', messages: [{ role: 'user', content: text }] }
  return {
    request: readRequestFacts({
      api: 'chat',
      body,
      bodyBytes: JSON.stringify(body).length,
      model: 'auto',
      label: '',
      stream: false,
      toolNames: [],
      outputTokens: 0,
    }),
    session: { task: 'faq', endUser: 'someone', scope },
    agent: { name: 'desk', stakes: 'low' as const },
    nowMs: Date.UTC(2026, 10, 22, 9),
  }
}

function route(rules: CompiledRoute['rules'], mode: CompiledRoute['mode'] = 'enforce') {
  return { model: 'auto', rules, otherwise: 'big', mode, compare: 0 }
}

const small = { kind: 'model', model: 'small' } as const

describe('a route', () => {
  it('takes the first rule that is true, and says which', () => {
    const rules = [
      { id: 'gold', when: condition("session.scope.tier == 'gold'"), use: small },
      { id: 'rest', when: condition('true'), use: { kind: 'model', model: 'other' } as const },
    ]
    const gold = chooseRoute(route(rules), factsOf('hello', { tier: 'gold' }))
    assert.deepEqual(gold.use, small)
    assert.equal(gold.reason.rule, 'route.gold')
    const rest = chooseRoute(route(rules), factsOf('hello', { tier: 'free' }))
    assert.equal(rest.rule, 'rest')
  })

  it('goes to `otherwise` when a rule cannot be evaluated, and never to a later rule', () => {
    const rules = [
      { id: 'needs-tier', when: condition("session.scope.tier == 'gold'"), use: small },
      { id: 'all', when: condition('true'), use: small },
    ]
    const choice = chooseRoute(route(rules), factsOf('hello'))
    assert.deepEqual(choice.use, { kind: 'model', model: 'big' })
    assert.match(choice.reason.reason, /needs-tier cannot be evaluated/)
  })

  it('only records its choice in shadow', () => {
    const rules = [{ id: 'all', when: condition('true'), use: small }]
    const choice = chooseRoute(route(rules, 'shadow'), factsOf('hello'))
    assert.deepEqual(choice.use, { kind: 'model', model: 'big' })
    assert.deepEqual(choice.chosen, small)
  })

  it('can ask for the hour in a zone', () => {
    const when = condition("now.getHours('Europe/Berlin') >= 10")
    const choice = chooseRoute(route([{ id: 'day', when, use: small }]), factsOf('hello'))
    assert.equal(choice.rule, 'day')
  })

  it('refuses what is no condition', () => {
    assert.equal(compileRouteCondition('request.nothing == 1', environment).kind, 'invalid')
    assert.equal(compileRouteCondition('request.promptTokens', environment).kind, 'invalid')
    assert.equal(compileRouteCondition('reply.text == ""', environment).kind, 'invalid')
  })
})

const measure = (text: string) => factsOf(text).request.complexity.score

describe('complexity', () => {
  it('is higher for hard work than for small talk', () => {
    const talk = measure('What are your opening hours?')
    const work = measure(
      'Compare these two designs step by step, explain the trade-offs, and refactor the code:\n' +
        '```ts\nexport function a(b: number) { return b }\n```\n- it must never block\n- only O(n)',
    )
    assert.ok(talk < 0.25, `${talk}`)
    assert.ok(work > 0.5, `${work}`)
  })

  it('is from 0 to 1, the same each time, and never falls as tools and turns are added', () => {
    const inputs = fc.record({
      text: fc.string({ maxLength: 2000 }),
      promptTokens: fc.nat(1_000_000),
      messages: fc.nat(500),
      tools: fc.nat(200),
      structured: fc.boolean(),
    })
    fc.assert(
      fc.property(inputs, (input) => {
        const { score } = measureComplexity(input)
        assert.ok(score >= 0 && score <= 1)
        assert.equal(measureComplexity(input).score, score)
        const more = { ...input, tools: input.tools + 1, messages: input.messages + 1 }
        assert.ok(measureComplexity(more).score >= score)
      }),
    )
  })
})

describe('the checks of a cascade', () => {
  const good: ReplyFacts = {
    text: 'It ships on Monday.',
    finish: 'stop',
    toolCalls: 0,
    outputTokens: 5,
  }
  const facts = factsOf('When does it ship?')
  const replies = routingEnvironment({ tier: 'string' }, 'reply')

  function check(accept: string) {
    const compiled = compileRouteCondition(accept, replies)
    if (compiled.kind !== 'ok') throw new Error(compiled.expected)
    return [{ id: 'own', accept: compiled.condition }]
  }

  it('always asks for a whole answer that says something', () => {
    assert.equal(findFault([], facts, good), undefined)
    assert.match(findFault([], facts, { ...good, text: ' ' }) ?? '', /empty/)
    assert.match(findFault([], facts, { ...good, finish: 'length' }) ?? '', /cut/)
    assert.match(findFault([], facts, { ...good, finish: 'refusal' }) ?? '', /refused/)
    assert.match(findFault([], facts, { ...good, finish: 'other' }) ?? '', /end well/)
    const calls = { ...good, text: '', finish: 'tools', toolCalls: 1 } as const
    assert.equal(findFault([], facts, calls), undefined)
  })

  it('fails where a check is not true, or cannot be evaluated', () => {
    assert.equal(findFault(check("reply.text.contains('Monday')"), facts, good), undefined)
    assert.match(findFault(check('reply.outputTokens > 100'), facts, good) ?? '', /own/)
    const broken = findFault(check("session.scope.tier == 'x'"), facts, good)
    assert.match(broken ?? '', /cannot be evaluated/)
  })
})

const text = (words: string) => ({ text: words, toolCalls: [] })

describe('answers', () => {
  it('are the same in other order or case, and differ in a number', () => {
    const one = text('Your order ships on Monday at 9.')
    assert.equal(compareAnswers(one, text('your order ships on monday at 9')).verdict, 'same')
    assert.equal(compareAnswers(one, text('Your order ships on Monday at 8.')).verdict, 'differs')
    assert.equal(compareAnswers(one, text('No idea, sorry; ask 9 others.')).verdict, 'differs')
  })

  it('are compared as JSON where both are, and by their tool calls where one calls', () => {
    assert.equal(compareAnswers(text('{"a":1,"b":2}'), text('{ "b": 2, "a": 1 }')).verdict, 'same')
    assert.equal(compareAnswers(text('{"a":1}'), text('{"a":2}')).verdict, 'differs')
    const call = { text: 'x', toolCalls: [{ name: 'pay', arguments: '{"a": 1}' }] }
    const same = { text: 'y', toolCalls: [{ name: 'pay', arguments: '{"a":1}' }] }
    assert.equal(compareAnswers(call, same).verdict, 'same')
    assert.equal(compareAnswers(call, text('x')).verdict, 'differs')
  })

  it('are as alike one way as the other, and like themselves', () => {
    const words = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '1', '{', '}'), maxLength: 30 })
    fc.assert(
      fc.property(words, words, (one, other) => {
        assert.deepEqual(
          compareAnswers(text(one), text(other)),
          compareAnswers(text(other), text(one)),
        )
        assert.equal(compareAnswers(text(one), text(one)).verdict, 'same')
      }),
    )
  })
})

describe('a reply', () => {
  const calls = [{ name: 'pay', arguments: '{"amount":1}' }]

  it('reads alike from each model API', () => {
    const chat = readReplyFacts('chat', {
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: 'One moment.',
            tool_calls: [{ function: { name: 'pay', arguments: '{"amount":1}' } }],
          },
        },
      ],
      usage: { completion_tokens: 7 },
    })
    const messages = readReplyFacts('messages', {
      stop_reason: 'tool_use',
      content: [
        { type: 'text', text: 'One moment.' },
        { type: 'tool_use', name: 'pay', input: { amount: 1 } },
      ],
      usage: { output_tokens: 7 },
    })
    const responses = readReplyFacts('responses', {
      status: 'completed',
      output: [
        { type: 'message', content: [{ type: 'output_text', text: 'One moment.' }] },
        { type: 'function_call', name: 'pay', arguments: '{"amount":1}' },
      ],
      usage: { output_tokens: 7 },
    })
    const answer = { text: 'One moment.', toolCalls: calls }
    const facts = { text: 'One moment.', finish: 'tools', toolCalls: 1, outputTokens: 7 }
    for (const read of [chat, messages, responses]) assert.deepEqual(read, { facts, answer })
  })

  it('of an unknown shape did not end well', () => {
    for (const api of ['chat', 'messages', 'responses'] as const) {
      assert.equal(readReplyFacts(api, { error: {} }).facts.finish, 'other')
      assert.equal(readReplyFacts(api, null).facts.finish, 'other')
    }
  })
})
