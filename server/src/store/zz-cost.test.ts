import { appendFileSync } from 'node:fs'
const out = (...a: unknown[]) => appendFileSync('/tmp/h/i6/critic-kill/cost.out', a.join(' ') + '\n')
import { createTestDatabase } from '/work/main/server/test/database.ts'
import { Client } from 'pg'
import { Fence } from '/work/main/server/src/gateway/kill/fence.ts'
import { leaseEnd } from '/work/main/server/src/core/kill/lease.ts'
import { openDatabase } from '/work/main/server/src/store/database.ts'
import { bootstrapOrganisation } from '/work/main/server/src/store/organisations.ts'
import { issueKill } from '/work/main/server/src/store/kills.ts'
import { KillLease } from '/work/main/server/src/store/kill-lease.ts'
import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { test } from 'node:test'
test('cost', async () => {
const clocks = () => ({ monotonicMs: performance.now(), wallMs: Date.now() })
const fence = new Fence(clocks)
fence.renew({monotonicMs: Infinity, wallMs: Infinity})
const subject = { agentId: randomUUID(), versionId: randomUUID(), sessionId: randomUUID(), tool: 'shop/x' }
const time = (n: number, f: () => void) => { f(); const t = performance.now(); for (let i=0;i<n;i+=1) f(); return (performance.now()-t)/n*1000 }
const call = () => { fence.admit(subject,{mayWait:true}); const l = fence.enter(subject); l.refusal(); l.refusal(); l[Symbol.dispose]() }
for (let i=0;i<20000;i+=1) call()
out('us per call, no kills', time(200000, call))
const kills = Array.from({length:500},(_, i)=>({killId: randomUUID(), epoch: BigInt(i), scope:{kind: (['agent','session','tool'] as const)[i%3]!, id: i%3===2?'bank/x'+i:randomUUID()}, mode:'freeze' as const}))
fence.apply(kills)
out('us per call, 500 kills', time(20000, call))
const d = await createTestDatabase(); const {db, close} = openDatabase({url:d.url, poolMax:2}); const {organisationId} = await bootstrapOrganisation(db)
const c = new Client({connectionString:d.url}); await c.connect()
for (let i=0;i<500;i+=1) await issueKill(db, organisationId, {scope:{kind:'agent',id:randomUUID()},mode:'freeze',reason:'x',by:{operatorId:randomUUID()},revokesKeys:false})
const lease = await KillLease.connect({databaseUrl:d.url, organisationId, gatewayId: randomUUIDv7(), name:'t', onLost(){}, onWoken(){}})
let t = performance.now(); const now = await lease.load(undefined); out('load ms', performance.now()-t, now.kills.length)
t = performance.now(); for (let i=0;i<200;i+=1) await lease.renew(now.epoch, []); out('renew ms', (performance.now()-t)/200)
await lease.end(); 
const {killsColumn, parseKills} = await import('/work/main/server/src/store/recorder/kills.ts')
t = performance.now(); const r = await c.query(`SELECT s, ${killsColumn} FROM generate_series(1,256) s`, [organisationId]); out('256 sessions kills column ms', performance.now()-t)
t = performance.now(); parseKills(r.rows[0].kills); out('parse ms', performance.now()-t)
const r2=await c.query(`EXPLAIN ANALYZE SELECT s, ${killsColumn} FROM generate_series(1,256) s`, [organisationId]); out(r2.rows.map((x:any)=>x['QUERY PLAN']).join('\n'))
await c.end(); await close(); await d.drop()
})
