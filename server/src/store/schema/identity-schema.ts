// The tables of migration 0008 as kysely sees them.
import type { ColumnType, Generated } from 'kysely'

type Time = ColumnType<Date, Date | string, Date | string>
type TimeDefault = ColumnType<Date, Date | string | undefined, Date | string>
type Json = ColumnType<unknown, string, string>

type Identities = {
  organisation_id: string
  subject_id: string
  kind: 'organisation' | 'agent'
  did: string
  domain: string
  generation: number
  version_number: number
  is_deactivated: Generated<boolean>
  created_at: TimeDefault
}

type IdentityVersions = {
  organisation_id: string
  subject_id: string
  version_number: number
  version_id: string
  line: string
  is_published: boolean
  created_at: TimeDefault
}

type IdentityWitnessProofs = {
  organisation_id: string
  subject_id: string
  version_number: number
  witness: string
  version_id: string
  proof: Json
}

type AgentKeys = {
  organisation_id: string
  thumbprint: string
  agent_id: string
  algorithm: 'ed25519' | 'es256'
  jwk: Json
  created_at: TimeDefault
  expires_at: Time | null
  revoked_at: Time | null
}

type WitnessedDids = {
  organisation_id: string
  scid: string
  did: string
  version_number: number
  version_id: string
  proof: Json
  witnessed_at: TimeDefault
}

export type IdentityTables = {
  'airworthy.witnessed_dids': WitnessedDids
  'airworthy.identities': Identities
  'airworthy.identity_versions': IdentityVersions
  'airworthy.identity_witness_proofs': IdentityWitnessProofs
  'airworthy.agent_keys': AgentKeys
}
