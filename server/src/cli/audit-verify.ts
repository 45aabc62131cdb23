// airworthy audit verify
import { hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type AuditReport, type AuditTrust, verifyBundle } from '@airworthy/sdk'
import type { Command } from 'commander'
import { leafHash } from '../core/audit/entry.ts'
import { TlogError } from '../core/tlog/fault.ts'
import { withoutCosignatures } from '../core/tlog/note.ts'
import { parsePolicy } from '../core/tlog/policy.ts'
import { proofFileExtension, verifyProofFile } from '../core/tlog/proof-file.ts'
import { checkIdentity, nodeCrypto } from './audit-crypto.ts'
import { connect, globalOptions } from './connection.ts'
import { exitCodes, UsageError } from './failure.ts'
import { note, printFields, printJson, printLine } from './terminal.ts'

type VerifyOptions = {
  readonly policy?: string
  readonly key?: readonly string[]
  readonly checkpoint?: string
  readonly entry?: string
  readonly log?: string
}

export function addAuditVerifyCommand(audit: Command): void {
  audit
    .command('verify')
    .description('verify a bundle, a .tlog-proof, or the whole log of the server')
    .argument('[file]', 'a bundle or a .tlog-proof; - reads a bundle from standard input')
    .option('--policy <file>', 'a tlog-policy: the logs and witnesses that you trust')
    .option('--key <vkey>', 'a key of the log that you trust; may be repeated', collect)
    .option('--checkpoint <file>', 'a checkpoint that you kept: the log must still have it')
    .option('--entry <file>', 'the entry that a .tlog-proof proves')
    .option('--log <id>', 'of the server: which shard; the open one by default')
    .action((file: string | undefined, options: VerifyOptions, command: Command) =>
      verify(file, options, command),
    )
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

async function verify(
  file: string | undefined,
  options: VerifyOptions,
  command: Command,
): Promise<void> {
  if (file?.endsWith(proofFileExtension) === true) {
    await verifyProof(file, options, command)
    return
  }
  const { json } = globalOptions(command)
  const report = await verifyBundle({
    chunks: await openChunks(file, options, command),
    crypto: nodeCrypto,
    trust: await readTrust(options),
    checkIdentity,
    onProgress: ({ read, of }) => {
      if (json !== true && process.stderr.isTTY) process.stderr.write(`\r${read} of ${of} entries`)
    },
  })
  if (json !== true && process.stderr.isTTY) note('')
  // The server keeps the final checkpoint of what it deleted; a file has none of them.
  const deleted = file === undefined ? await checkDeletedShards(report, command) : []
  if (json === true) printJson({ ...report, deletedShards: deleted })
  else printReport(report, deleted)
  const isKept = deleted.every((shard) => shard.isKept)
  if (!report.isProven || !isKept) process.exitCode = exitCodes.gateFailed
}

type CheckedShard = { readonly log: string; readonly isKept: boolean; readonly message: string }

/** Whether the server still has the final checkpoints that the entries name. */
async function checkDeletedShards(report: AuditReport, command: Command): Promise<CheckedShard[]> {
  if (report.facts.deletedShards.length === 0) return []
  const client = await connect(globalOptions(command), 'audit verify')
  const { shards } = await client.listShards()
  return report.facts.deletedShards.map((deleted) => {
    const shard = shards.find(({ logId }) => logId === deleted.log)
    const isKept = hashOfFinal(shard?.checkpoint?.note) === deleted.checkpoint
    const { log, announcedBy, deletedAt } = deleted
    const when = deletedAt === undefined ? 'to be deleted' : `deleted on ${deletedAt.slice(0, 10)}`
    const kept = isKept ? 'final checkpoint kept' : 'its final checkpoint is NOT kept'
    const name = `shard ${shard?.name ?? ''} (log ${log})`
    return { log, isKept, message: `${name}: ${when}, ${kept}, announced by entry ${announcedBy}` }
  })
}

function hashOfFinal(final: string | undefined): string | undefined {
  return final === undefined ? undefined : hash('sha256', withoutCosignatures(final), 'base64url')
}

async function openChunks(
  file: string | undefined,
  options: VerifyOptions,
  command: Command,
): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') return process.stdin
  // Opened before anything is read, so that a name that is wrong is said as such.
  if (file !== undefined) return createReadStream(file)
  const client = await connect(globalOptions(command), 'audit verify')
  return client.exportLog(options.log === undefined ? {} : { log: options.log })
}

async function readTrust(options: VerifyOptions): Promise<AuditTrust> {
  const { policy, key, checkpoint } = options
  return {
    ...(policy === undefined ? {} : { policy: await readFile(policy, 'utf8') }),
    ...(key === undefined ? {} : { keys: key }),
    ...(checkpoint === undefined ? {} : { checkpoint: await readFile(checkpoint, 'utf8') }),
  }
}

function printReport(report: AuditReport, deleted: readonly CheckedShard[]): void {
  const { facts } = report
  printFields({
    log: facts.origin ?? null,
    entries: `${facts.from} to ${facts.to - 1}, of ${facts.size}`,
    time: `${facts.firstAt ?? '-'} to ${facts.lastAt ?? '-'}`,
    agents: facts.agents,
    identities: facts.identities.length,
  })
  const marks = { proven: 'proven', not_proven: 'NOT PROVEN', refused: 'REFUSED' } as const
  for (const { id, state, message } of report.checks) {
    // Said again below, with what the server keeps.
    if (id === 'deletions' && deleted.length > 0) continue
    printLine(`${marks[state].padEnd(10)}  ${message}`)
  }
  for (const { isKept, message } of deleted) {
    printLine(`${(isKept ? marks.proven : marks.refused).padEnd(10)}  ${message}`)
  }
  if (report.isProven && deleted.every((shard) => shard.isKept))
    printLine('The record is as it was signed.')
  else if (report.isConsistent) {
    printLine('It fits together, but that proves nothing: give --policy or --key.')
  } else printLine('The record is REFUSED.')
}

async function verifyProof(file: string, options: VerifyOptions, command: Command): Promise<void> {
  const { entry, policy, key } = options
  if (entry === undefined) throw new UsageError('a .tlog-proof proves an entry: give --entry')
  if (policy === undefined && key === undefined) {
    throw new UsageError('say whom you trust: give --policy or --key')
  }
  const text =
    policy === undefined
      ? Buffer.from(`${(key ?? []).map((one) => `log ${one}\n`).join('')}quorum none\n`)
      : await readFile(policy)
  const verdict = verifyProofFile({
    file: await readFile(file),
    leaf: leafHash(await readFile(entry)),
    policy: readPolicy(text),
  })
  const isProven = verdict.kind === 'accepted'
  if (!isProven) process.exitCode = exitCodes.gateFailed
  if (globalOptions(command).json === true) {
    const place = isProven ? { index: verdict.index, size: verdict.checkpoint.size } : {}
    const refusal = isProven ? {} : { reason: verdict.reason, message: verdict.message }
    printJson({ isProven, ...place, ...refusal })
  } else if (isProven) {
    const { origin, size } = verdict.checkpoint
    const by = verdict.witnesses.map(({ name }) => name).join(', ')
    printLine(`proven: entry ${verdict.index} of ${origin}, in its checkpoint of ${size}`)
    printLine(by === '' ? 'no witness was asked for' : `cosigned by ${by}`)
  } else printLine(`REFUSED: ${verdict.message}`)
}

function readPolicy(text: Buffer) {
  try {
    return parsePolicy(text)
  } catch (thrown) {
    if (thrown instanceof TlogError) throw new UsageError(`the policy: ${thrown.message}`)
    throw thrown
  }
}
