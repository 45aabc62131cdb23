import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createClient } from '@airworthy/sdk'
import { type ApiServer, startApi } from '../api-server.ts'

let api: ApiServer
before(async () => {
  api = await startApi()
})
after(() => api[Symbol.asyncDispose]())

const paris = { zone: 'Europe/Paris', startsOn: '2026-01-05' }

test('sets a schedule and shows whose shift it is', async () => {
  const { client } = api
  const { operator: ann } = await client.addOperator({ name: 'ann', role: 'approver' })
  const set = await client.setSchedule('days', { ...paris, members: ['ann', 'operator'] })
  assert.deepEqual(set.members[0], { id: ann.id, name: 'ann' })
  assert.deepEqual([set.handoverAt, set.shiftDays, set.zone], ['09:00', 7, 'Europe/Paris'])
  assert(set.members.some((member) => member.id === set.onCall?.id))
  const later = { ...paris, startsOn: '2999-01-01', members: [ann.id], handoverAt: '07:30' }
  const replaced = await client.setSchedule('days', { ...later, shiftDays: 1 })
  assert.deepEqual([replaced.onCall, replaced.handoverAt, replaced.shiftDays], [null, '07:30', 1])
  assert.deepEqual(await client.getSchedule('days'), replaced)
  assert.deepEqual((await client.listSchedules()).schedules, [replaced])
})

test('refuses a zone that is none, a member who may not vote, and a schedule of nobody', async () => {
  const { client } = api
  await client.addOperator({ name: 'aud', role: 'auditor' })
  const { operator: gone } = await client.addOperator({ name: 'gone', role: 'approver' })
  await client.revokeOperator(gone.id)
  const invalid = { code: 'request.invalid', status: 400 }
  const members = ['operator']
  const tries = [
    { ...paris, members: [] },
    { ...paris, members: ['aud'] },
    { ...paris, members: ['nobody'] },
    { ...paris, members: [gone.id] },
    { ...paris, members, zone: 'Mars/Olympus' },
    { ...paris, members, startsOn: '2026-02-30' },
    { ...paris, members, handoverAt: '24:00' },
    { ...paris, members, shiftDays: 0 },
  ]
  for (const body of tries) await assert.rejects(client.setSchedule('x', body), invalid)
  await assert.rejects(client.getSchedule('x'), { code: 'oncall.unknown', status: 404 })
})

test('only an admin sets schedules and teams', async () => {
  const { client, baseUrl } = api
  const { key, operator } = await client.addOperator({ name: 'op', role: 'operator' })
  const own = createClient({ baseUrl, key })
  const forbidden = { code: 'auth.forbidden', status: 403 }
  await assert.rejects(own.setSchedule('y', { ...paris, members: ['op'] }), forbidden)
  await assert.rejects(own.setTeams('me', { teams: ['finance'] }), forbidden)
  const puppet = { name: 'puppet', role: 'operator', teams: ['finance'] } as const
  await assert.rejects(own.addOperator(puppet), forbidden)
  const changed = await client.setTeams(operator.id, { teams: ['finance', 'finance'] })
  assert.deepEqual(changed.teams, ['finance'])
})
