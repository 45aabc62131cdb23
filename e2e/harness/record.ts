// The record, read and checked as an auditor would: the bytes of the entries, not what is said of
// them.
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { Budget } from '@airworthy/sdk'
import type { Client as Database } from 'pg'
import type { Server } from './server.ts'
import { asRecord, canonicalText, type Json } from './json.ts'

export type StoredEntry = {
  readonly seq: number
  readonly bytes: Buffer
  readonly entry: Json
  /** RFC 6962 leaf hash, base64url. */
  readonly leaf: string
}

export async function readEntries(database: Database): Promise<StoredEntry[]> {
  const found = await database.query<{ seq: string; entry: Buffer }>(
    'SELECT seq, entry FROM airworthy.entries ORDER BY log_id, seq',
  )
  return found.rows.map((row) => ({
    seq: Number(row.seq),
    bytes: row.entry,
    entry: asRecord(JSON.parse(row.entry.toString('utf8'))),
    leaf: leafHash(row.entry),
  }))
}

export function leafHash(bytes: Buffer): string {
  return hash('sha256', Buffer.concat([Buffer.from([0]), bytes]), 'base64url')
}

export async function entriesOfCall(database: Database, callId: string): Promise<StoredEntry[]> {
  return (await readEntries(database)).filter(({ entry }) => entry['call'] === callId)
}

/** The laws of the log. Throws where one is broken. */
export function checkEntries(entries: readonly StoredEntry[]): void {
  const heads = new Map<unknown, { number: number; leaf: string }>()
  for (const [index, { seq, bytes, entry, leaf }] of entries.entries()) {
    assert.equal(seq, index, 'the log is numbered without gaps')
    assert(bytes.length <= 1024, `entry ${seq} has ${bytes.length} bytes`)
    assert.equal(canonicalText(entry), bytes.toString('utf8'), `entry ${seq} is canonical`)
    const head = heads.get(entry['agent'])
    const previous = head?.leaf ?? Buffer.alloc(32).toString('base64url')
    assert.equal(entry['number'], (head?.number ?? 0) + 1, `entry ${seq}: the agent's number`)
    assert.equal(entry['previous'], previous, `entry ${seq}: the hash of the previous one`)
    heads.set(entry['agent'], { number: (head?.number ?? 0) + 1, leaf })
  }
}

/** The log holds its laws, no call lacks its outcome, no budget keeps anything reserved. */
export async function checkRecord(server: Server, database: Database): Promise<void> {
  checkEntries(await readEntries(database))
  const log = await server.client.getLog()
  assert.deepEqual(
    [log.gaps, log.agentGaps, log.brokenLinks, log.callsWithoutOutcome],
    [0, 0, 0, 0],
    'gaps, agent gaps, broken links, calls without outcome',
  )
  const found = await database.query('SELECT * FROM airworthy.budgets WHERE reserved <> 0')
  assert.deepEqual(found.rows, [], 'nothing stays reserved')
}

export type Spent = Readonly<Record<'settled' | 'reserved' | 'unknown' | 'overrun', number>>

export function spentOf(
  budgets: readonly Budget[],
  unit: Budget['unit'],
): Spent & { leased: number } {
  const budget = budgets.find((one) => one.unit === unit)
  assert(budget !== undefined, `there is a budget of ${unit}`)
  const { settled, reserved, unknown, overrun, leased } = budget
  return {
    settled: Number(settled),
    reserved: Number(reserved),
    unknown: Number(unknown),
    overrun: Number(overrun),
    leased: Number(leased),
  }
}

/** The agent's own number of an entry that a receipt names. */
export function parseReceipt(receipt: string | null): { logId: string; seq: number; leaf: string } {
  const [logId = '', seq = '', leaf = ''] = (receipt ?? '').split(':')
  return { logId, seq: Number(seq), leaf }
}
