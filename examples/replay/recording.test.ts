import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { modelOf } from './models.ts'
import { figuresOf, readRecording } from './recording.ts'
import { findDataDirectory, recordingPath, recordings } from './shared-data.ts'

const data = findDataDirectory()
const skip = data === undefined ? 'the shared data is not there (AIRWORTHY_SHARED)' : false

const read = (file: string) => readRecording(recordingPath(data ?? '', file))

describe('a recording', () => {
  it(
    'of the base agent has the runs, calls, tokens and cost that were recorded',
    { skip },
    async () => {
      const { runs } = await read(recordings.base)
      assert.deepEqual(figuresOf(runs), {
        runs: 114,
        modelCalls: 1_448,
        toolCalls: 896,
        tokens: 7_894_892,
        costNanoUsd: 1_551_843_200n,
        databaseVerdicts: 113,
      })
    },
  )

  it('tells its model by its prices', { skip }, async () => {
    assert.equal(modelOf(await read(recordings.base)).name, 'gpt-4.1-mini')
    assert.equal(modelOf(await read('gpt-5-nano__base__all.jsonl.gz')).name, 'gpt-5-nano')
  })

  it('keeps text beside tool calls and up to 11 parallel calls in a turn', { skip }, async () => {
    const { runs } = await read(recordings.base)
    const turns = runs.flatMap((run) => run.turns)
    const calling = turns.filter((turn) => turn.toolCalls.length > 0)
    assert.equal(Math.max(...calling.map((turn) => turn.toolCalls.length)), 11)
    assert.equal(calling.filter((turn) => turn.reply.content !== null).length, 61)
    for (const turn of calling)
      assert.deepEqual(
        turn.toolCalls.map((call) => call.arguments),
        turn.reply.tool_calls?.map((call): unknown => JSON.parse(call.function.arguments)),
      )
  })

  it(
    'starts every prefix with the greeting and leaves the tools of the user out',
    { skip },
    async () => {
      const { runs } = await read(recordings.base)
      for (const { turns } of runs) {
        assert.equal(turns[0]?.prefix[0]?.role, 'assistant')
        for (const turn of turns) {
          const calls = turn.prefix.flatMap((message) =>
            message.role === 'assistant' ? (message.tool_calls ?? []) : [],
          )
          const answered = turn.prefix.flatMap((message) =>
            message.role === 'tool' ? [message.tool_call_id] : [],
          )
          assert.deepEqual(
            answered,
            calls.map((call) => call.id),
          )
        }
      }
    },
  )
})
