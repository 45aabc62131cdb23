import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, ToolAnswer } from './connection.ts'
import { driveRun } from './driver.ts'
import type { RecordedToolCall, Run } from './recording.ts'

const recorded = (name: string, text: string, isError = false): RecordedToolCall => ({
  id: `call_${name}_${text}`,
  name,
  arguments: { text },
  result: { text, isError },
})

const answered = (text: string, more: Partial<ToolAnswer & { kind: 'answered' }> = {}) => ({
  kind: 'answered' as const,
  text,
  isError: false,
  repeatOf: null,
  ...more,
})

const runOf = (toolCalls: RecordedToolCall[]): Run => ({
  index: 0,
  taskId: 'x',
  simulationId: 's',
  goldActions: [],
  databaseMatch: null,
  turns: [
    {
      index: 0,
      prefix: [{ role: 'user', content: 'please' }],
      reply: { role: 'assistant', content: null },
      finishReason: 'tool_calls',
      createdAtSeconds: 0,
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      costNanoUsd: 0n,
      toolCalls,
    },
  ],
})

async function drive(
  toolCalls: RecordedToolCall[],
  answer: (name: string, text: unknown) => ToolAnswer,
) {
  const events: string[] = []
  const connection: Connection = {
    complete: async () => {
      const reply = { role: 'assistant' as const, content: null }
      return { kind: 'answered', reply, latencyMs: 5 }
    },
    callTool: async ({ name, arguments: args }) => {
      const text = args['text']
      events.push(`${name} ${String(text)} asked`)
      await sleep(5)
      events.push(`${name} ${String(text)} answered`)
      return answer(name, text)
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
  const outcome = await driveRun({
    run: runOf(toolCalls),
    connection,
    servedMs: () => 2,
    isReadOnly: (tool) => tool === 'get',
  })
  return { events, outcome }
}

describe('the driver', () => {
  it('sends reads together, and a write after what stands before it', async () => {
    const calls = [recorded('get', '1'), recorded('get', '2'), recorded('set', '3')]
    const { events, outcome } = await drive([...calls, recorded('get', '4')], (_, text) =>
      answered(String(text)),
    )
    assert.deepEqual(events.slice(0, 2), ['get 1 asked', 'get 2 asked'])
    assert.deepEqual(events.slice(4), [
      'set 3 asked',
      'set 3 answered',
      'get 4 asked',
      'get 4 answered',
    ])
    assert.equal(outcome.toolResultsIdentical, 4)
    assert.deepEqual(outcome.addedLatencyMs, [3])
  })

  it('lists what differs, and apart from it what a stored effect answered', async () => {
    const calls = [
      recorded('set', '{"a": 1.0, "b": [2]}'),
      recorded('set', 'Error: no', true),
      recorded('set', 'first'),
      recorded('set', 'second'),
    ]
    const answers = [
      answered('{"b":[2],"a":1}'),
      answered('another wording', { isError: true }),
      answered('first', { repeatOf: 'call-1' }),
      answered('otherwise'),
    ]
    const { outcome } = await drive(calls, () => answers.shift() ?? answered(''))
    assert.equal(outcome.toolResultsIdentical, 2)
    assert.deepEqual(
      outcome.repeats.map(({ repeatOf, isIdentical }) => ({ repeatOf, isIdentical })),
      [{ repeatOf: 'call-1', isIdentical: true }],
    )
    assert.deepEqual(
      outcome.differences.map(({ recorded: was, observed }) => [was, observed]),
      [['second', 'otherwise']],
    )
  })

  it('ends the run at the first refusal and sends nothing after it', async () => {
    const calls = [recorded('set', '1'), recorded('set', '2'), recorded('set', '3')]
    const { events, outcome } = await drive(calls, (_, text) =>
      text === '2'
        ? { kind: 'refused', code: 'policy.denied', message: 'no', rules: ['a-rule'] }
        : answered(String(text)),
    )
    assert.equal(events.at(-1), 'set 2 answered')
    assert.equal(outcome.stopped?.code, 'policy.denied')
    assert.deepEqual(outcome.stopped.rules, ['a-rule'])
  })
})
