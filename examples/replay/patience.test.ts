import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Connection, ToolAnswer } from './connection.ts'
import { patientConnection, patientFor } from './patience.ts'

const done: ToolAnswer = { kind: 'answered', text: 'done', isError: false, repeatOf: null }
const unsettled: ToolAnswer = {
  kind: 'refused',
  code: 'effect.in_flight',
  message: 'the first call is not settled',
  rules: [],
}
const denied: ToolAnswer = { kind: 'refused', code: 'policy.denied', message: 'no', rules: [] }

function scripted(answers: (ToolAnswer | Error)[]) {
  let opened = 0
  let closed = 0
  const open = async (): Promise<Connection> => {
    opened += 1
    return {
      complete: () => Promise.reject(new Error('not asked for')),
      callTool: async () => {
        const next = answers.shift() ?? done
        if (next instanceof Error) throw next
        return next
      },
      [Symbol.asyncDispose]: async () => {
        closed += 1
      },
    }
  }
  const connection = patientConnection(open, patientFor(5_000))
  const call = () => connection.callTool({ name: 'set', arguments: {} })
  return { connection, call, counts: () => ({ opened, closed }) }
}

describe('a patient connection', () => {
  it('asks again over a new connection when one broke', async () => {
    const { connection, call, counts } = scripted([new Error('reset'), new Error('refused')])
    assert.deepEqual(await call(), done)
    await connection[Symbol.asyncDispose]()
    assert.deepEqual(counts(), { opened: 3, closed: 3 })
  })

  it('asks again over the same connection while the first call is not settled', async () => {
    const { call, counts } = scripted([unsettled, unsettled])
    assert.deepEqual(await call(), done)
    assert.deepEqual(counts(), { opened: 1, closed: 0 })
  })

  it('takes a refusal for an answer', async () => {
    const { call } = scripted([denied])
    assert.deepEqual(await call(), denied)
  })

  it('gives the last error when its time is over', async () => {
    const attempt = patientFor(0)
    await assert.rejects(
      attempt(() => Promise.reject(new Error('still down'))),
      /still down/,
    )
  })
})
