// C2SP tlog-policy: which logs and witnesses the auditor trusts, and how many of them must have signed.
import type { AuditCrypto } from './crypto.ts'
import { AuditFault } from './fault.ts'
import { type AuditCheckpoint, type AuditKey, checkSignature, readAuditKey } from './note.ts'

export type AuditPolicy = {
  readonly logs: readonly AuditKey[]
  readonly witnesses: ReadonlyMap<string, AuditKey>
  readonly groups: readonly {
    readonly name: string
    readonly threshold: number
    readonly members: readonly string[]
  }[]
  /** `none`: no witness is asked for. */
  readonly quorum: string
}

const namesMax = 256

/** Reads a policy file. Throws `AuditFault` of `policy`. */
export async function readAuditPolicy(crypto: AuditCrypto, text: string): Promise<AuditPolicy> {
  const logs: AuditKey[] = []
  const witnesses = new Map<string, AuditKey>()
  const groups: { name: string; threshold: number; members: string[] }[] = []
  const free = new Set<string>()
  const knownLogs = new Set<string>()
  const knownWitnesses = new Set<string>()
  let quorum: string | undefined
  const define = (name: string): void => {
    if (name === 'none' || witnesses.has(name) || groups.some((group) => group.name === name)) {
      throw policyFault(`${name} is defined twice`)
    }
    if (witnesses.size + groups.length >= namesMax) throw policyFault('it has too many names')
    free.add(name)
  }
  if (!text.endsWith('\n')) throw policyFault('its last line does not end')
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.split(/[ \t]+/).filter((part) => part !== '')
    if (word === undefined || word.startsWith('#')) continue
    const [first = '', second = '', ...members] = rest
    if (word === 'log' && rest.length <= 2) {
      logs.push(await readKey(crypto, first, { types: [1, 6], known: knownLogs }))
    } else if (word === 'witness' && rest.length <= 3) {
      define(first)
      witnesses.set(first, await readKey(crypto, second, { types: [4, 6], known: knownWitnesses }))
    } else if (word === 'group') {
      if (members.some((member) => !free.delete(member))) throw policyFault('a member is unknown')
      define(first)
      const count = second === 'any' ? 1 : second === 'all' ? members.length : wholeNumber(second)
      if (count === undefined || count < 1 || count > members.length) {
        throw policyFault('a threshold is wrong')
      }
      groups.push({ name: first, threshold: count, members })
    } else if (word === 'quorum' && quorum === undefined && rest.length === 1) quorum = first
    else throw policyFault('a line is none of log, witness, group and quorum')
  }
  if (quorum === undefined || logs.length === 0) throw policyFault('it has no log, or no quorum')
  const isKnown =
    quorum === 'none' || witnesses.has(quorum) || groups.some((g) => g.name === quorum)
  if (!isKnown) throw policyFault('its quorum is not defined')
  return { logs, witnesses, groups, quorum }
}

/** One key has one place: counted under two names, one witness would be two. */
async function readKey(
  crypto: AuditCrypto,
  text: string,
  place: { readonly types: readonly AuditKey['type'][]; readonly known: Set<string> },
): Promise<AuditKey> {
  const key = await readAuditKey(crypto, text, 'policy')
  if (!place.types.includes(key.type)) throw policyFault(`the key ${key.name} is of another kind`)
  const bytes = key.key.join(' ')
  if (place.known.has(bytes)) throw policyFault(`the key of ${key.name} stands there twice`)
  place.known.add(bytes)
  return key
}

function wholeNumber(text: string): number | undefined {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined
}

function policyFault(message: string): AuditFault {
  return new AuditFault('policy', `the policy cannot be read: ${message}`)
}

export type CosignedBy = {
  /** Witnesses whose cosignature holds. */
  readonly witnesses: readonly string[]
  /** Signatures that are there and that this program cannot verify. */
  readonly unchecked: readonly string[]
  readonly isQuorum: boolean
}

/**
 * Judges the signatures of a checkpoint. Throws where no log of the policy signed it, and where a
 * signature of a known key is wrong.
 */
export async function judgeSignatures(
  crypto: AuditCrypto,
  policy: AuditPolicy,
  checkpoint: AuditCheckpoint,
): Promise<CosignedBy> {
  const { note, origin, size } = checkpoint
  let isSigned = false
  for (const key of policy.logs) {
    if (key.name !== origin) continue
    const state = await checkSignature(crypto, key, { note, checkpoint })
    if (state.kind === 'wrong') throw wrongSignature(key, size)
    isSigned ||= state.kind === 'holds'
  }
  if (!isSigned) {
    throw new AuditFault(
      'checkpoints',
      `no trusted key of the log signed the checkpoint of ${size}`,
    )
  }
  const names = new Set<string>()
  const unchecked: string[] = []
  for (const [name, key] of policy.witnesses) {
    const state = await checkSignature(crypto, key, { note, checkpoint })
    if (state.kind === 'wrong') throw wrongSignature(key, size)
    if (state.kind === 'holds') names.add(name)
    if (state.kind === 'unchecked') unchecked.push(name)
  }
  const witnesses = [...names]
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => names.has(member)).length >= threshold) names.add(name)
  }
  const isQuorum = policy.quorum === 'none' || names.has(policy.quorum)
  return { witnesses, unchecked, isQuorum }
}

function wrongSignature(key: AuditKey, size: number): AuditFault {
  return new AuditFault('checkpoints', `${key.name}: wrong signature of the checkpoint of ${size}`)
}
