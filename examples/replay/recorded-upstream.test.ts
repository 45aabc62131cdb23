import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI, { APIError } from 'openai'
import type { ChatCompletionStream } from 'openai/lib/ChatCompletionStream'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { fromReply, toParams } from './openai-messages.ts'
import { startRecordedUpstream } from './recorded-upstream.ts'
import type { RecordedUpstream } from './recorded-upstream.ts'
import { readRecording } from './recording.ts'
import type { Recording, Run, Turn } from './recording.ts'
import { findDataDirectory, recordingPath, recordings } from './shared-data.ts'

const data = findDataDirectory()
const skip = data === undefined ? 'the shared data is not there (AIRWORTHY_SHARED)' : false
const system: ChatCompletionMessageParam = { role: 'system', content: 'any system prompt' }

describe('the recorded upstream', () => {
  let recording: Recording = { name: 'none', runs: [] }
  let upstream: RecordedUpstream

  before(async () => {
    if (data !== undefined) recording = await readRecording(recordingPath(data, recordings.base))
    upstream = await startRecordedUpstream(recording.runs)
  })
  after(() => upstream[Symbol.asyncDispose]())

  const client = (run: Run) =>
    new OpenAI({ baseURL: upstream.baseUrl(run.index), apiKey: 'none', maxRetries: 0 })
  const ask = (run: Run, messages: ChatCompletionMessageParam[]) =>
    client(run).chat.completions.create({ model: 'gpt-4.1-mini', messages })

  it('answers every turn of a run as it was recorded, with its usage', { skip }, async () => {
    for (const run of recording.runs.slice(0, 8)) {
      for (const turn of run.turns) {
        const completion = await ask(run, [system, ...toParams(turn.prefix)])
        const choice = completion.choices[0]
        assert.equal(choice?.message.content, turn.reply.content)
        assert.deepEqual(choice?.message.tool_calls, turn.reply.tool_calls)
        assert.equal(choice?.finish_reason, turn.finishReason)
        assert.deepEqual(completion.usage, turn.usage)
        assert.ok((upstream.servedMs({ run: run.index, index: turn.index }) ?? -1) >= 0)
      }
    }
  })

  it(
    'answers a changed message with 422 off_recording, and is not asked again',
    { skip },
    async () => {
      const [run] = recording.runs
      assert.ok(run)
      const turn = turnOf(run, ({ toolCalls }) => toolCalls.length > 0)
      const next = turnOf(run, ({ index }) => index === turn.index + 1)
      const offBefore = upstream.counts.offRecording
      const changes: ((message: ChatCompletionMessageParam) => ChatCompletionMessageParam)[] = [
        (message) => (message.role === 'user' ? { ...message, content: 'Hello' } : message),
        (message) =>
          message.role === 'tool' ? { ...message, content: 'something else' } : message,
        (message) => (message.role === 'tool' ? { ...message, tool_call_id: 'call_x' } : message),
      ]
      for (const change of changes) {
        const messages = [system, ...toParams(next.prefix).map(change)]
        const retrying = new OpenAI({ baseURL: upstream.baseUrl(0), apiKey: 'none' })
        await assert.rejects(
          retrying.chat.completions.create({ model: 'gpt-4.1-mini', messages }),
          (error) =>
            error instanceof APIError && error.status === 422 && error.code === 'off_recording',
        )
      }
      assert.equal(upstream.counts.offRecording - offBefore, changes.length)
    },
  )

  it(
    'never answers one run from another, even where their prefixes are equal',
    { skip },
    async () => {
      const ambiguous = ambiguousTurns(recording.runs)
      assert.ok(ambiguous.length > 0)
      for (const { run, turn } of ambiguous) {
        const completion = await ask(run, [system, ...toParams(turn.prefix)])
        assert.equal(completion.choices[0]?.message.content ?? null, turn.reply.content)
      }
      const [run, other] = recording.runs
      assert.ok(run && other)
      const turn = turnOf(run, ({ index }) => index === 1)
      await assert.rejects(ask(other, [system, ...toParams(turn.prefix)]), /422/)
      await assert.rejects(ask({ ...run, index: 9_999 }, [system, ...toParams(turn.prefix)]), /404/)
    },
  )

  it('streams text, tool calls and usage that add up to the recorded turn', { skip }, async () => {
    const run = recording.runs.find(({ turns }) =>
      turns.some(({ reply, toolCalls }) => reply.content !== null && toolCalls.length > 1),
    )
    assert.ok(run)
    for (const turn of run.turns) {
      const stream: ChatCompletionStream = client(run).chat.completions.stream({
        model: 'gpt-4.1-mini',
        messages: [system, ...toParams(turn.prefix)],
        stream_options: { include_usage: true },
      })
      const completion = await stream.finalChatCompletion()
      const message = completion.choices[0]?.message
      assert.ok(message)
      assert.deepEqual(fromReply(message), turn.reply)
      assert.deepEqual(completion.usage, turn.usage)
    }
  })
})

function turnOf(run: Run, fits: (turn: Turn) => boolean): Turn {
  const found = run.turns.find(fits)
  assert.ok(found)
  return found
}

// Turns of different runs that were asked the same and answered differently.
function ambiguousTurns(runs: readonly Run[]): { run: Run; turn: Turn }[] {
  const asked = new Map<string, { run: Run; turn: Turn }[]>()
  for (const run of runs) {
    for (const turn of run.turns) {
      const key = JSON.stringify(turn.prefix)
      asked.set(key, [...(asked.get(key) ?? []), { run, turn }])
    }
  }
  return [...asked.values()]
    .filter((same) => {
      const replies = new Set(same.map(({ turn }) => JSON.stringify(turn.reply)))
      return replies.size > 1
    })
    .flat()
}
