// C2SP tlog-policy: which logs and witnesses somebody trusts, and how many of them must have signed a
// checkpoint. A policy is configured by whoever verifies; it never comes with what is verified.
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts'
import { malformed, TlogError } from './fault.ts'
import { type NoteKey, parseVkey } from './note-key.ts'
import { type VerifiedSignature, verifyNote } from './signatures.ts'
import { readText } from './text.ts'

export const policyBytesMax = 1_048_576
/** The specification asks for 32 of each. */
export const policyNamesMax = 256

export type PolicyLog = { readonly key: NoteKey; readonly url?: string }
export type PolicyWitness = {
  readonly name: string
  readonly key: NoteKey
  readonly url?: string
}
export type PolicyGroup = {
  readonly name: string
  /** How many members must have witnessed; 1 to the number of members. */
  readonly threshold: number
  readonly members: readonly string[]
}

export type LogPolicy = {
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  /** A group names only what stands before it. */
  readonly groups: readonly PolicyGroup[]
  /** The name of a witness or a group; `none` asks for no cosignature. */
  readonly quorum: string
}

/** Reads a policy file. Throws `TlogError` with the number of the line that is wrong. */
export function parsePolicy(bytes: Uint8Array): LogPolicy {
  const draft: Draft = { logs: [], witnesses: [], groups: [], names: new Map() }
  // Tabs are allowed between words, and no other control character anywhere.
  const text = readText(bytes.map(tabToSpace), policyBytesMax)
  if (text !== '' && !text.endsWith('\n')) throw malformed('a policy ends with a newline')
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.split(' ').filter((word) => word !== '')
    if (words.length === 0 || words[0]?.startsWith('#') === true) continue
    try {
      addLine(draft, words)
    } catch (error) {
      if (!(error instanceof TlogError)) throw error
      throw new TlogError(error.reason, `line ${index + 1}: ${error.message}`)
    }
  }
  const { logs, witnesses, groups, quorum } = draft
  if (quorum === undefined) throw malformed('a policy has a quorum')
  return { logs, witnesses, groups, quorum }
}

function tabToSpace(byte: number): number {
  return byte === 0x09 ? 0x20 : byte
}

/** What the lines so far have defined: a name must be defined before it is used. */
type Draft = {
  readonly logs: PolicyLog[]
  readonly witnesses: PolicyWitness[]
  readonly groups: PolicyGroup[]
  /** Each defined name, and whether it is a member of a group already. */
  readonly names: Map<string, boolean>
  quorum?: string
}

function addLine(draft: Draft, [word, ...rest]: readonly string[]): void {
  if (word === 'log') addLog(draft, rest)
  else if (word === 'witness') addWitness(draft, rest)
  else if (word === 'group') addGroup(draft, rest)
  else if (word === 'quorum') setQuorum(draft, rest)
  else throw malformed('a line begins with log, witness, group or quorum')
}

function addLog({ logs }: Draft, [vkey, url, ...rest]: readonly string[]): void {
  if (vkey === undefined || rest.length > 0) throw malformed('a log has a vkey and may have a URL')
  const key = parseVkey(vkey)
  if (key.type === 'ed25519-cosignature') throw malformed('the key is no key of a log')
  assertNew(logs, key)
  logs.push({ key, ...(url === undefined ? {} : { url }) })
}

function addWitness(draft: Draft, [name, vkey, url, ...rest]: readonly string[]): void {
  if (name === undefined || vkey === undefined || rest.length > 0) {
    throw malformed('a witness has a name and a vkey, and may have a URL')
  }
  const key = parseVkey(vkey)
  if (key.type === 'ed25519') throw malformed('the key makes no cosignatures')
  assertNew(draft.witnesses, key)
  defineName(draft, name)
  draft.witnesses.push({ name, key, ...(url === undefined ? {} : { url }) })
}

function addGroup(draft: Draft, [name, rule, ...members]: readonly string[]): void {
  if (name === undefined || rule === undefined || members.length === 0) {
    throw malformed('a group has a name, how many must sign, and members')
  }
  for (const member of members) {
    if (draft.names.get(member) !== false) {
      throw malformed(`${member} is not defined above, or is a member already`)
    }
    draft.names.set(member, true)
  }
  defineName(draft, name)
  draft.groups.push({ name, threshold: readThreshold(rule, members.length), members })
}

function setQuorum(draft: Draft, [name, ...rest]: readonly string[]): void {
  if (name === undefined || rest.length > 0) throw malformed('a quorum has one name')
  if (draft.quorum !== undefined) throw malformed('a policy has one quorum')
  if (name !== 'none' && !draft.names.has(name)) throw malformed(`${name} is not defined above`)
  draft.quorum = name
}

function defineName({ names }: Draft, name: string): void {
  if (name === 'none' || names.has(name)) throw malformed(`${name} is defined already`)
  if (names.size >= policyNamesMax) {
    throw new TlogError('too_large', `a policy has at most ${policyNamesMax} names`)
  }
  names.set(name, false)
}

function readThreshold(rule: string, count: number): number {
  if (rule === 'any') return 1
  if (rule === 'all') return count
  const threshold = /^[1-9]\d{0,3}$/.test(rule) ? Number(rule) : 0
  if (threshold >= 1 && threshold <= count) return threshold
  throw malformed(`any, all, or 1 to ${count} of ${count} must sign`)
}

/** Two names of one key would let it count twice. */
function assertNew(known: readonly { readonly key: NoteKey }[], key: NoteKey): void {
  if (known.some((one) => one.key.publicKey.equals(key.publicKey))) {
    throw malformed('the same public key stands above')
  }
  if (known.length >= policyNamesMax) {
    throw new TlogError('too_large', `a policy has at most ${policyNamesMax} keys of a kind`)
  }
}

export type PolicyVerdict =
  | {
      readonly kind: 'accepted'
      readonly checkpoint: SignedCheckpoint
      readonly log: PolicyLog
      /** Every witness of the policy that cosigned, needed or not. */
      readonly witnesses: readonly { readonly name: string; readonly atSeconds: number }[]
    }
  | {
      readonly kind: 'refused'
      /** `malformed`: no checkpoint at all. */
      readonly reason: 'malformed' | 'log' | 'signature' | 'quorum'
      readonly message: string
    }

/**
 * Judges a checkpoint. A signature of a known key that does not hold refuses it, even where the quorum
 * would be reached without it.
 */
export function judgeCheckpoint(policy: LogPolicy, bytes: Uint8Array): PolicyVerdict {
  let checkpoint: SignedCheckpoint
  try {
    checkpoint = parseCheckpoint(bytes)
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    return { kind: 'refused', reason: 'malformed', message: error.message }
  }
  const logs = policy.logs.filter(({ key }) => key.name === checkpoint.origin)
  if (logs.length === 0) {
    const message = `the log ${checkpoint.origin} is not in the policy`
    return { kind: 'refused', reason: 'log', message }
  }
  const byLogs = verifyNote(checkpoint.note, logs.map(keyOf))
  if (byLogs.kind === 'refused') {
    return { kind: 'refused', reason: 'signature', message: byLogs.message }
  }
  const byWitnesses = verifyNote(checkpoint.note, policy.witnesses.map(keyOf))
  if (byWitnesses.kind === 'refused' && byWitnesses.reason === 'bad') {
    return { kind: 'refused', reason: 'signature', message: byWitnesses.message }
  }
  const signed = byWitnesses.kind === 'verified' ? byWitnesses.signatures : []
  const log = logs.find(({ key }) => byLogs.signatures.some((one) => one.key === key))
  const witnesses = cosigners(policy, signed)
  if (log === undefined || !isQuorum(policy, new Set(witnesses.map(({ name }) => name)))) {
    const count = `${witnesses.length} of the ${policy.witnesses.length} witnesses`
    return { kind: 'refused', reason: 'quorum', message: `${count} signed: no ${policy.quorum}` }
  }
  return { kind: 'accepted', checkpoint, log, witnesses }
}

function keyOf({ key }: { readonly key: NoteKey }): NoteKey {
  return key
}

function cosigners(policy: LogPolicy, signed: readonly VerifiedSignature[]) {
  return policy.witnesses.flatMap(({ name, key }) => {
    const found = signed.find((one) => one.key === key)
    return found === undefined ? [] : [{ name, atSeconds: found.atSeconds ?? 0 }]
  })
}

/** Whether the witnesses of these names are a quorum. */
export function isQuorum(policy: LogPolicy, cosigned: ReadonlySet<string>): boolean {
  if (policy.quorum === 'none') return true
  const witnessed = new Set(cosigned)
  for (const { name, threshold, members } of policy.groups) {
    const count = members.filter((member) => witnessed.has(member)).length
    if (count >= threshold) witnessed.add(name)
  }
  return witnessed.has(policy.quorum)
}
