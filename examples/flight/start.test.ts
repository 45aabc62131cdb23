// `npm start` as a newcomer runs it, on an embedded PostgreSQL of its own; and on a given one, with a
// given provider.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { createTestDatabase, skipWithoutDatabase } from '../retail/test-database.ts'
import { startScriptedModel } from './scripted-model.ts'

const START = join(import.meta.dirname, 'start.ts')
const STOP_MS_MAX = 15_000
const conditions = process.execArgv.filter((argument) => argument.startsWith('--conditions='))

type Environment = Record<string, string>

/** Nothing of the machine that the test runs on: no provider, no database, no other server. */
function cleanEnvironment(more: Environment): Environment {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_COMPILE_CACHE']
  const kept = names.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  })
  return { ...Object.fromEntries(kept), ...more }
}

type Started = {
  child: ChildProcess
  stdout: () => string
  stderr: () => string
  ended: Promise<number | null>
}

function start(args: string[], environment: Environment = {}): Started {
  const child = spawn(process.execPath, [...conditions, START, ...args], {
    env: cleanEnvironment(environment),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { child, stdout: () => output.stdout, stderr: () => output.stderr, ended }
}

const countsSchema = z.record(z.string(), z.number())
const summarySchema = z.looseObject({
  isScripted: z.boolean(),
  model: z.string(),
  agentVersion: z.number(),
  sessions: z.number(),
  calls: z.number(),
  modelCalls: z.number(),
  modelCallsStreamed: z.number(),
  toolCalls: z.number(),
  decisions: countsSchema,
  denials: countsSchema,
  holds: countsSchema,
  effects: countsSchema,
  repeats: z.number(),
  repeatedWriteRows: z.number().nullable(),
  tokens: z.number(),
  costNanoUsd: z.string(),
  addedLatencyMsP50: z.number().nullable(),
  gaps: z.number(),
  callsWithoutOutcome: z.number(),
  entries: z.string(),
  listening: z.string(),
  flights: z.array(
    z.looseObject({
      name: z.string(),
      states: countsSchema,
      effects: countsSchema,
      stoppedBy: z.string().nullable(),
      journalRows: z.number(),
    }),
  ),
})

type Summary = z.infer<typeof summarySchema>

async function flyOnce(args: string[], environment: Environment = {}): Promise<Summary> {
  const started = start(['--once', '--json', '--port', '0', ...args], environment)
  assert.equal(await started.ended, 0, started.stderr())
  return summarySchema.parse(JSON.parse(started.stdout()))
}

function checkFigures(summary: Summary): void {
  const { decisions, denials, holds, effects } = summary
  assert.equal(summary.sessions, 7)
  assert.deepEqual([summary.modelCalls, summary.toolCalls, summary.calls], [38, 27, 66])
  assert.equal(summary.modelCallsStreamed, 9)
  assert.deepEqual(decisions, { allow: 63, hold: 1, deny: 2 })
  assert.deepEqual(denials, { 'customer-first': 1, 'budget.exceeded': 1 })
  assert.deepEqual(holds, { approved: 1 })
  assert.deepEqual(effects, { done: 4, undone: 1 })
  assert.equal(summary.repeats, 2)
  assert.equal(summary.repeatedWriteRows, 1)
  assert.deepEqual([summary.gaps, summary.callsWithoutOutcome], [0, 0])
  assert.deepEqual(
    summary.flights.map(({ name, journalRows }) => [name, journalRows]),
    [
      ['read', 0],
      ['write', 1],
      ['denial', 1],
      ['hold', 1],
      ['undo', 1],
      ['repeat', 1],
      ['budget', 0],
    ],
  )
  assert.equal(summary.flights.at(-1)?.stoppedBy, 'budget.exceeded')
  assert(summary.tokens > 0 && BigInt(summary.costNanoUsd) > 0n)
}

async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'airworthy-flight-'))
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  return { path, [Symbol.asyncDispose]: remove }
}

describe('npm start', () => {
  it('flies its sessions with exact figures, again on the same data, and stops when told', async () => {
    await using directory = await temporaryDirectory()
    const data = join(directory.path, 'data')
    const first = await flyOnce(['--data', data])
    checkFigures(first)
    assert.equal(first.isScripted, true)
    assert.match(first.model, /scripted/u)
    assert.equal(typeof first.addedLatencyMsP50, 'number')
    const kept = await stat(join(data, 'flight.json'))
    assert.equal(kept.mode & 0o777, 0o600)

    const second = start(['--port', '0', '--data', data])
    while (!/^Serving on/mu.test(second.stdout())) {
      assert.equal(second.child.exitCode, null, second.stderr())
      await sleep(50)
    }
    assert.match(second.stdout(), /retail-desk, version 1, pact 1/u)
    assert.match(second.stdout(), /decisions +63 allow, 1 hold, 2 deny/u)
    assert.match(second.stdout(), /the shop ran the repeated write once/u)
    const toldAt = performance.now()
    // As a launcher in front of it does: what the terminal sent, and once more.
    second.child.kill('SIGTERM')
    second.child.kill('SIGTERM')
    assert.equal(await second.ended, 0, second.stderr())
    assert(performance.now() - toldAt < STOP_MS_MAX)
  })

  it('passes on what keeps the server from starting, in one line', async () => {
    await using directory = await temporaryDirectory()
    const wrong = start(['--once', '--port', '99999', '--data', directory.path])
    assert.equal(await wrong.ended, 1)
    const lines = wrong.stderr().trim().split('\n')
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^airworthy: start\.config_invalid: --port/u)
  })

  it('explains its options when one is wrong', async () => {
    const wrong = start(['--twice'])
    assert.equal(await wrong.ended, 64)
    assert.match(wrong.stderr(), /usage: npm start/u)
  })

  it(
    'flies on a given PostgreSQL with a given provider, whose key only the server sends',
    { skip: skipWithoutDatabase },
    async () => {
      await using directory = await temporaryDirectory()
      await using database = await createTestDatabase()
      await using provider = await startProvider()
      const summary = await flyOnce(['--data', directory.path], {
        DATABASE_URL: database.url,
        AIRWORTHY_MODEL_URL: provider.baseUrl,
        AIRWORTHY_MODEL: 'house-model',
        MODEL_API_KEY: 'provider-key',
      })
      checkFigures({ ...summary, costNanoUsd: '1' })
      assert.equal(summary.isScripted, false)
      assert.equal(summary.addedLatencyMsP50, null)
      assert.equal(summary.costNanoUsd, '0')
      assert.deepEqual([...provider.keys], ['Bearer provider-key'])
      assert.deepEqual([...provider.models], ['house-model'])
    },
  )
})

async function forward(url: string, body: string, response: ServerResponse): Promise<void> {
  const reply = await fetch(url, { method: 'POST', body })
  response.writeHead(reply.status, { 'content-type': reply.headers.get('content-type') ?? '' })
  response.end(await reply.text())
}

/** Somebody's model: it answers by the script, and notes what it was sent. */
async function startProvider() {
  const script = await startScriptedModel()
  const keys = new Set<string | undefined>()
  const models = new Set<unknown>()
  const server = createServer((request, response) => {
    keys.add(request.headers.authorization)
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      const { model } = z.looseObject({ model: z.string() }).parse(JSON.parse(body))
      models.add(model)
      void forward(`${script.baseUrl}/chat/completions`, body, response)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It listens on TCP.
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    keys,
    models,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await script[Symbol.asyncDispose]()
    },
  }
}
