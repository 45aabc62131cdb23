// The tables of the caches as kysely sees them.
import type { ColumnType } from 'kysely'

type Time = ColumnType<Date, Date | string, Date | string>
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>
type Int8 = ColumnType<string, string | bigint | number, string | bigint | number>
type Int8Default = ColumnType<
  string,
  string | bigint | number | undefined,
  string | bigint | number
>

type CacheAgents = {
  organisation_id: string
  agent_id: string
  last_change: Int8Default
  entries: ColumnType<number, number | undefined, number>
  bytes: Int8Default
}

type CacheEntries = {
  organisation_id: string
  entry_id: string
  agent_id: string
  change: Int8
  model: string
  key: Buffer
  partition: Buffer | null
  make: string | null
  call_id: string
  subject_id: Buffer
  sealed: Buffer
  sealed_vector: Buffer | null
  bytes: number
  hits: Int8Default
  created_at: TimeDefault
  used_at: TimeDefault
  expires_at: Time
  removed_at: Time | null
}

type CacheStandings = {
  organisation_id: string
  agent_id: string
  model: string
  make: string
  mode: ColumnType<'shadow' | 'live', 'shadow' | 'live' | undefined, 'shadow' | 'live'>
  agree: Int8Default
  differ: Int8Default
  unsure: Int8Default
  false_hit_rate_max: number
  changed_at: TimeDefault
  changed_by: string | null
}

type CachePairs = {
  organisation_id: string
  pair_id: string
  agent_id: string
  model: string
  make: string
  call_id: string
  cached_call_id: string
  similarity: number
  kind: 'shadow' | 'sample'
  verdict: 'agree' | 'differ' | 'unsure'
  reviewed_by: string | null
  reviewed_at: Time | null
  created_at: TimeDefault
}

export type CacheTables = {
  'airworthy.cache_agents': CacheAgents
  'airworthy.cache_entries': CacheEntries
  'airworthy.cache_standings': CacheStandings
  'airworthy.cache_pairs': CachePairs
}
