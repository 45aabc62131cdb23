// People decide about what was parked, and agents hear of it.
import { AirworthyApiError, createClient } from '@airworthy/sdk'
import { at } from '../../../e2e/harness/json.ts'
import { percentile, round } from '../../figures.ts'
import { type Group, groups, type Parked } from './park.ts'

/** Who waits while the decision is made, through the gateway that does not make it. */
export const waitersCount = 50
const votesAtOnce = 8

/** What becomes of the call, and its code. */
const ends: Readonly<Record<Group, { readonly state: string; readonly code: string | undefined }>> =
  {
    approved: { state: 'done', code: undefined },
    agreed: { state: 'done', code: undefined },
    outvoted: { state: 'done', code: undefined },
    rejected: { state: 'denied', code: 'hold.rejected' },
    refused: { state: 'denied', code: 'hold.rejected' },
    late: { state: 'denied', code: 'hold.expired' },
  }

export type Votes = {
  readonly cast: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly wrong: readonly string[]
}

/** Each vote through one gateway or the other, and each by another person. */
export async function decideAll(
  parked: readonly Parked[],
  ground: { readonly urls: readonly string[]; readonly keys: readonly string[] },
): Promise<Votes> {
  const clients = ground.urls.map((baseUrl) =>
    ground.keys.map((key) => createClient({ baseUrl, key })),
  )
  const latencies: number[] = []
  const wrong: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < parked.length; index = next++) {
      const hold = parked[index]
      for (const [turn, vote] of (hold === undefined ? [] : groups[hold.group].votes).entries()) {
        const client = clients[(index + turn) % clients.length]?.[turn]
        if (hold === undefined || client === undefined) throw new Error('too few people')
        const began = performance.now()
        const cast = vote === 'approve' ? client.approveHold : client.rejectHold
        await cast(hold.holdId, { reason: 'drill' }).catch((thrown: unknown) => {
          const code = thrown instanceof AirworthyApiError ? thrown.code : String(thrown)
          wrong.push(`${hold.name} ${vote}: ${code}`)
        })
        latencies.push(performance.now() - began)
      }
    }
  }
  await Promise.all(Array.from({ length: votesAtOnce }, work))
  return {
    cast: latencies.length,
    p50Ms: round(percentile(latencies, 0.5), 1),
    p99Ms: round(percentile(latencies, 0.99), 1),
    wrong,
  }
}

export type Told = { readonly right: number; readonly wrong: readonly string[] }

/** Agents that wait with long polls, each for one hold, until they are told its end. */
export async function listen(parked: readonly Parked[], urls: readonly string[]): Promise<Told> {
  const step = Math.floor(parked.length / waitersCount)
  const chosen = parked.filter((_, index) => index % step === 0).slice(0, waitersCount)
  const told = await Promise.all(
    // The gateway that takes the deciding vote is the other one for about half of them.
    chosen.map((hold, index) => awaitTold(hold, urls[index % urls.length] ?? '')),
  )
  return count(chosen, told)
}

async function awaitTold(hold: Parked, url: string): Promise<unknown> {
  for (let tries = 0; tries < 10; tries += 1) {
    const told = await askHold(hold, url, 30)
    if (at(told, 'held') === false) return told
  }
  return undefined
}

async function askHold(
  { holdId, session }: Parked,
  url: string,
  waitSeconds: number,
): Promise<unknown> {
  const response = await fetch(`${url}/s/${session.key}/holds/${holdId}?wait=${waitSeconds}`, {
    headers: { authorization: `Bearer ${session.apiKey}` },
  })
  return response.json()
}

/** Each agent asks the gateway that did not tell it before. */
export async function tellAll(parked: readonly Parked[], urls: readonly string[]): Promise<Told> {
  const told: unknown[] = []
  for (const [index, hold] of parked.entries()) {
    told.push(await askHold(hold, urls[(index + 1) % urls.length] ?? '', 0))
  }
  return count(parked, told)
}

function count(parked: readonly Parked[], told: readonly unknown[]): Told {
  const wrong = parked.flatMap((hold, index) => {
    const heard = told[index]
    const must = ends[hold.group]
    const text = at(heard, 'result.content.0.text')
    const isNamed = must.state !== 'done' || (typeof text === 'string' && text.includes(hold.name))
    const isRight = at(heard, 'state') === must.state && at(heard, 'code') === must.code && isNamed
    return isRight ? [] : [`${hold.name}: ${JSON.stringify(heard)?.slice(0, 300)}`]
  })
  return { right: parked.length - wrong.length, wrong: wrong.slice(0, 20) }
}

export type Executed = {
  readonly must: number
  readonly were: number
  readonly wrong: readonly string[]
}

/** By the tool server's own journal: once what was approved, and nothing else. */
export function compareJournal(parked: readonly Parked[], journal: readonly string[]): Executed {
  const times = new Map<string, number>()
  for (const name of journal) times.set(name, (times.get(name) ?? 0) + 1)
  const must = new Set(
    parked.filter((hold) => ends[hold.group].state === 'done').map((hold) => hold.name),
  )
  const names = new Set([...must, ...times.keys()])
  const wrong = [...names].filter((name) => times.get(name) !== (must.has(name) ? 1 : undefined))
  return {
    must: must.size,
    were: journal.length,
    wrong: wrong.slice(0, 20).map((name) => `${name}: executed ${times.get(name) ?? 0} times`),
  }
}
