// Verifies an audit bundle: one pass over the file, in bounded memory, without a network. It trusts
// only the keys that it is given; the bundle's own keys prove nothing but that it fits together.
import { equalBytes, readBase64, readUtf8, utf8, writeBase64, writeBase64url } from './bytes.ts'
import { type BundleHead, type BundleIdentity, BundleReader, sealText } from './bundle.ts'
import { AgentChains } from './chains.ts'
import type { AuditCrypto } from './crypto.ts'
import { type AuditCheckId, AuditFault } from './fault.ts'
import { BlockHash, readLines } from './lines.ts'
import {
  type AuditCheckpoint,
  checkSignature,
  readAuditKey,
  readCheckpoint,
  readSignedText,
} from './note.ts'
import { type AuditPolicy, judgeSignatures, readAuditPolicy } from './policy.ts'
import { hashLeaf, TreeStack } from './range.ts'
import { describeDeletion, ShardDeletions } from './deletions.ts'
import { type AuditCheck, type AuditFacts, type AuditReport, noFacts } from './report.ts'

export type AuditTrust = {
  /** A C2SP tlog-policy: logs, witnesses and their quorum. */
  readonly policy?: string
  /** Keys of the log (vkeys), where no witness is asked for. */
  readonly keys?: readonly string[]
  /** A checkpoint from elsewhere: the log must have it. Its size must lie in the bundle's range. */
  readonly checkpoint?: string
}

export type VerifyOptions = {
  readonly chunks: AsyncIterable<Uint8Array>
  readonly crypto: AuditCrypto
  readonly trust: AuditTrust
  /** Verifies the history of an identity by itself; gives why it is refused. */
  readonly checkIdentity?: (identity: BundleIdentity) => Promise<string | undefined>
  /** Hears how many entries were read, each few hundred. */
  readonly onProgress?: (progress: { readonly read: number; readonly of: number }) => void
}

const progressEvery = 500
const typesMax = 200

type Work = {
  readonly options: VerifyOptions
  readonly reader: BundleReader
  readonly facts: AuditFacts
  readonly checks: AuditCheck[]
  readonly types: Map<string, number>
}

type Opened = {
  readonly head: BundleHead
  readonly stack: TreeStack
  readonly chains: AgentChains
  readonly policy: AuditPolicy
  /** Of the sizes that lie in the range: to be compared when the tree has grown so far. */
  readonly due: AuditCheckpoint[]
  readonly last: AuditCheckpoint
  readonly deletions: ShardDeletions
}

/** Never throws for what a bundle holds: the report says what is refused. */
export async function verifyBundle(options: VerifyOptions): Promise<AuditReport> {
  const work: Work = {
    options,
    reader: new BundleReader(),
    facts: noFacts(),
    checks: [],
    types: new Map(),
  }
  try {
    await readBundle(work)
  } catch (thrown) {
    if (!(thrown instanceof AuditFault) && !(thrown instanceof TypeError)) throw thrown
    const check = thrown instanceof AuditFault ? thrown.check : 'format'
    work.checks.push({ id: check, state: 'refused', message: thrown.message })
  }
  const isConsistent = work.checks.every((check) => check.state !== 'refused')
  const isTrusted = work.checks.some((check) => check.id === 'trust' && check.state === 'proven')
  work.facts.types = Object.fromEntries(work.types)
  return {
    isProven: isConsistent && isTrusted,
    isConsistent,
    checks: work.checks,
    facts: work.facts,
  }
}

async function readBundle(work: Work): Promise<void> {
  const { options, reader } = work
  const seal = new BlockHash(options.crypto)
  const lineEnd = utf8('\n')
  let opened: Opened | undefined
  for await (const line of readLines(options.chunks)) {
    if (reader.parts.seal !== undefined)
      throw new AuditFault('format', 'something follows the seal')
    const { kind, entry } = reader.read(readUtf8(line))
    if (kind === 'seal') continue
    await seal.add(line)
    await seal.add(lineEnd)
    if (entry === undefined) continue
    opened ??= await openBundle(work)
    await addEntry(work, opened, entry)
  }
  if (opened === undefined) throw new AuditFault('format', 'the bundle has no entries')
  await closeTree(work, opened)
  await checkSeal(work, opened, writeBase64(await seal.digest()))
  await checkIdentities(work)
}

/** Everything before the entries: whom to trust, what was signed. */
async function openBundle(work: Work): Promise<Opened> {
  const { head, proof, checkpoints } = work.reader.parts
  if (head === undefined || proof === undefined) {
    throw new AuditFault('format', 'the head or the proof is missing')
  }
  const { facts, options } = work
  Object.assign(facts, { origin: head.origin, log: head.log, from: head.from, to: head.to })
  const policy = await chooseTrust(work, head)
  const parsed = checkpoints.map(readCheckpoint)
  const last = parsed.at(-1)
  if (last === undefined || last.size < head.to) {
    throw new AuditFault('checkpoints', 'no checkpoint covers the whole range')
  }
  let before = head.from
  for (const checkpoint of parsed) {
    const isInOrder =
      checkpoint.size > before && (checkpoint.size <= head.to || checkpoint === last)
    if (checkpoint.origin !== head.origin || !isInOrder) {
      throw new AuditFault('checkpoints', 'a checkpoint is of another log, or not in its order')
    }
    before = checkpoint.size
    const judged = await judgeSignatures(options.crypto, policy, checkpoint)
    if (checkpoint === last) reportWitnesses(work, policy, judged)
  }
  Object.assign(facts, { size: last.size, checkpoints: parsed.length })
  say(work, 'checkpoints', `${parsed.length} checkpoints are signed by the log's trusted key`)
  const stack = new TreeStack(options.crypto)
  await stack.addAll(proof.left.map(readHash), head.from)
  const chains = new AgentChains(head.from === 0)
  const due = await withKnown(work, head, parsed)
  return { head, stack, chains, policy, due, last, deletions: new ShardDeletions(head.log) }
}

function readHash(text: string) {
  const hash = readBase64(text)
  if (hash?.length !== 32) throw new AuditFault('tree', 'a hash of the proof is not 32 bytes')
  return hash
}

async function chooseTrust(work: Work, head: BundleHead): Promise<AuditPolicy> {
  const { crypto, trust } = work.options
  const own = await readAuditKey(crypto, head.key, 'format')
  if (own.name !== head.origin || own.type !== 1) {
    throw new AuditFault('format', "the bundle's key is none of its log")
  }
  const given = trust.policy
  if (given === undefined && (trust.keys ?? []).length === 0) {
    work.checks.push({
      id: 'trust',
      state: 'not_proven',
      message: 'no key was given: the bundle is only held against the key that it names itself',
    })
    return { logs: [own], witnesses: new Map(), groups: [], quorum: 'none' }
  }
  const keys = await Promise.all(
    (trust.keys ?? []).map((key) => readAuditKey(crypto, key, 'trust')),
  )
  const policy =
    given === undefined
      ? { logs: keys, witnesses: new Map(), groups: [], quorum: 'none' }
      : await readAuditPolicy(crypto, given)
  const isKnown = policy.logs.some((key) => key.name === own.name && equalBytes(key.key, own.key))
  if (!isKnown) throw new AuditFault('trust', 'the bundle is of a log whose key you do not trust')
  say(work, 'trust', `the log's key is one that you trust: ${head.origin}`)
  return policy
}

function reportWitnesses(
  work: Work,
  policy: AuditPolicy,
  judged: { readonly witnesses: readonly string[]; readonly isQuorum: boolean },
): void {
  work.facts.witnesses = judged.witnesses
  if (!judged.isQuorum) {
    throw new AuditFault(
      'cosignatures',
      `${judged.witnesses.length} witnesses cosigned the newest checkpoint: no ${policy.quorum}`,
    )
  }
  const isAsked = policy.quorum !== 'none'
  work.checks.push({
    id: 'cosignatures',
    state: isAsked ? 'proven' : 'not_proven',
    message: isAsked
      ? `witnesses cosigned it: ${judged.witnesses.join(', ')}`
      : 'no witness was asked for: whoever holds the log’s key could show others another log',
  })
}

/** The checkpoint that the auditor kept is compared like those of the bundle. */
async function withKnown(
  work: Work,
  head: BundleHead,
  parsed: readonly AuditCheckpoint[],
): Promise<AuditCheckpoint[]> {
  const inside = parsed.filter((checkpoint) => checkpoint.size <= head.to)
  const { checkpoint: known } = work.options.trust
  if (known === undefined) return inside
  const checkpoint = readCheckpoint(known)
  const last = parsed.at(-1)
  const isLast = last?.size === checkpoint.size
  if (checkpoint.origin !== head.origin || (isLast && !equalBytes(last.root, checkpoint.root))) {
    throw new AuditFault('consistency', 'the checkpoint that you gave is of another log: a fork')
  }
  if (!isLast && (checkpoint.size <= head.from || checkpoint.size > head.to)) {
    throw new AuditFault('consistency', 'the checkpoint that you gave lies outside the range')
  }
  say(work, 'consistency', `the log still has the checkpoint of ${checkpoint.size} that you gave`)
  return [...inside, checkpoint].toSorted((one, other) => one.size - other.size)
}

async function addEntry(work: Work, opened: Opened, entry: string): Promise<void> {
  const { stack, chains, head, due } = opened
  const { facts, options, types } = work
  const index = stack.size
  if (index >= head.to) throw new AuditFault('entries', 'there are more entries than the head says')
  const leaf = await hashLeaf(options.crypto, utf8(entry))
  const { type, at } = chains.add(index, entry, writeBase64url(leaf))
  if (types.has(type) || types.size < typesMax) types.set(type, (types.get(type) ?? 0) + 1)
  opened.deletions.add({ index, type, at, entry })
  facts.firstAt ??= at
  facts.lastAt = at
  facts.entries += 1
  await stack.add(leaf)
  while (due[0]?.size === stack.size) await compareRoot(stack, due.shift())
  if (facts.entries % progressEvery === 0) {
    options.onProgress?.({ read: facts.entries, of: head.to - head.from })
  }
}

async function compareRoot(
  stack: TreeStack,
  checkpoint: AuditCheckpoint | undefined,
): Promise<void> {
  if (checkpoint === undefined || equalBytes(await stack.root(), checkpoint.root)) return
  throw new AuditFault(
    'tree',
    `the entries do not give the tree of the checkpoint of ${checkpoint.size}`,
  )
}

async function closeTree(work: Work, opened: Opened): Promise<void> {
  const { stack, chains, head, last, deletions } = opened
  if (stack.size !== head.to) {
    throw new AuditFault('entries', `there are entries missing from ${stack.size} on`)
  }
  const right = work.reader.parts.proof?.right ?? []
  await stack.addAll(right.map(readHash), last.size)
  await compareRoot(stack, last)
  work.facts.agents = chains.agents
  say(work, 'tree', `${work.facts.entries} entries are in the log, byte for byte, none left out`)
  say(work, 'consistency', 'each checkpoint grows out of the one before it')
  const start = head.from === 0 ? 'from their first entry' : 'from their first entry in the range'
  say(work, 'chains', `the chains of ${chains.agents} agents have no gap, ${start}`)
  work.facts.deletedShards = deletions.list()
  for (const shard of work.facts.deletedShards) say(work, 'deletions', describeDeletion(shard))
}

async function checkSeal(work: Work, opened: Opened, digest: string): Promise<void> {
  const { seal } = work.reader.parts
  if (seal === undefined) throw new AuditFault('seal', 'the seal is missing: the file is cut off')
  const note = readSignedText(seal, 'seal')
  const { head, policy } = opened
  if (note.text !== sealText(head, digest)) {
    throw new AuditFault('seal', 'the seal is of another file: something was changed')
  }
  const { crypto } = work.options
  for (const key of policy.logs) {
    if (key.name !== head.origin) continue
    const state = await checkSignature(crypto, key, { note })
    if (state.kind === 'holds') {
      say(work, 'seal', 'the file is as the log’s server sealed it')
      return
    }
  }
  throw new AuditFault('seal', 'the seal is not signed by a trusted key of the log')
}

async function checkIdentities(work: Work): Promise<void> {
  const { dids } = work.reader.parts
  const { checkIdentity } = work.options
  work.facts.identities = dids.map((did) => did.id)
  if (dids.length === 0) return
  if (checkIdentity === undefined) {
    work.checks.push({
      id: 'did',
      state: 'not_proven',
      message: `${dids.length} histories of identities are as the server sealed them; their own proofs were not verified`,
    })
    return
  }
  for (const did of dids) {
    const refusal = await checkIdentity(did)
    if (refusal !== undefined) throw new AuditFault('did', `${did.id}: ${refusal}`)
  }
  say(work, 'did', `${dids.length} histories of identities verify by themselves`)
}

function say(work: Work, id: AuditCheckId, message: string): void {
  if (work.checks.some((check) => check.id === id && check.message === message)) return
  work.checks.push({ id, state: 'proven', message })
}
