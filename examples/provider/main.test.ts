import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { textField } from './json.ts'

const program = fileURLToPath(new URL('main.ts', import.meta.url))

test('prints one line of JSON when it listens, and ends when it is told to', async () => {
  const child = spawn(process.execPath, [program, '--port', '0', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const ready: unknown = JSON.parse(String(line))
  const books = await fetch(`${textField(ready, 'control')}/__books`)
  assert.equal(Reflect.get(Object(await books.json()), 'entries')?.length, 0)
  const models = await fetch(`${textField(ready, 'listening')}/ollama/v1/models`)
  assert.equal(models.status, 200)
  await models.text()
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('refuses a port that does not exist', async () => {
  const child = spawn(process.execPath, [program, '--port', '70000'], { stdio: 'ignore' })
  assert.deepEqual(await once(child, 'exit'), [64, null])
})
