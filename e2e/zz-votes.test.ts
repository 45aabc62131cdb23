import { appendFileSync } from 'node:fs'
const out = (...a: unknown[]) => appendFileSync('/tmp/h/i6/critic-people/votes.txt', a.join(' ') + '\n')
import { test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { Client as Database } from 'pg'
import { enrol, standGround } from './harness/ground.ts'
import { at, type Json } from './harness/json.ts'
const ground = await standGround()
const { server } = ground
const { client } = server
const hold: Json = { id: 'big', effect: 'hold', tools: ['desk/refund'], reason: 'ask' }
test('votes', async () => {
  const agent = await enrol(ground, { rules: [hold] })
  await using session = await agent.open()
  const ids: string[] = []
  const n = 400
  for (let i = 0; i < n; i += 8) {
    ids.push(...await Promise.all(Array.from({ length: 8 }, async (_, j) => {
      const { value } = await session.call('refund', { order_id: `o${i + j}`, amount: 5 })
      return String(at(value, 'id'))
    })))
  }
  const { key } = await client.addOperator({ name: 'vv', role: 'approver' })
  const voter = createClient({ baseUrl: server.url, key })
  for (const [kind, atOnce] of [['reject', 1], ['approve', 1], ['reject', 8], ['approve', 8]] as const) {
    const mine = ids.splice(0, 100)
    const db = new Database({ connectionString: ground.databaseUrl })
    await db.connect()
    const seen = new Map<string, number>()
    let isOver = false
    let samples = 0
    const before = await db.query('select xact_commit c from pg_stat_database where datname=current_database()')
    const sampling = (async () => {
      while (!isOver) {
        const { rows } = await db.query(`select state, wait_event_type w, wait_event e, left(regexp_replace(query, '\\s+', ' ', 'g'), 70) q from pg_stat_activity where datname=current_database() and pid<>pg_backend_pid() and state<>'idle'`)
        samples += 1
        for (const r of rows) { const k = `${r.state} ${r.w}/${r.e} ${r.q}`; seen.set(k, (seen.get(k) ?? 0) + 1) }
        await new Promise((r) => setTimeout(r, 2))
      }
    })()
    const lat: number[] = []
    const began = performance.now()
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (;;) {
        const id = mine.shift()
        if (id === undefined) return
        const t = performance.now()
        await (kind === 'approve' ? voter.approveHold(id) : voter.rejectHold(id))
        lat.push(performance.now() - t)
      }
    }))
    const took = performance.now() - began
    isOver = true
    await sampling
    const after = await db.query('select xact_commit c from pg_stat_database where datname=current_database()')
    await db.end()
    lat.sort((a, b) => a - b)
    out(kind, atOnce, 'p50', lat[50]?.toFixed(1), 'p90', lat[90]?.toFixed(1), 'per second', (100000 / took).toFixed(1), 'samples', samples, 'commits/vote', (Number(after.rows[0].c) - Number(before.rows[0].c) - samples) / 100)
    for (const [k, v] of [...seen].sort((a, b) => b[1] - a[1]).slice(0, 14)) out('  ', v, k)
  }
})
