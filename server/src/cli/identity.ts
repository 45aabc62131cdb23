// airworthy identity show | rotate | deactivate | recover | resolve | witness ...
import type { Identity, WitnessApproval } from '@airworthy/sdk'
import type { Command } from 'commander'
import { signEntry } from '../core/identity/webvh-write.ts'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { makeRecoveryKey, readRecoveryKey } from './recovery-key.ts'
import { readTextFile } from './text-file.ts'
import { note, printFields, printJson, printLine } from './terminal.ts'

type OfAgent = { readonly agent?: string }
type RotateOptions = OfAgent & {
  readonly recoveryKey?: string
  readonly witness?: readonly string[]
  readonly threshold?: string
}
type RecoverOptions = OfAgent & { readonly key: string; readonly nextRecoveryKey?: string }

const agentOption = ['--agent <agent>', 'of an agent, and not of the organisation'] as const

export function addIdentityCommands(program: Command): void {
  const identity = program
    .command('identity')
    .description('DIDs of the organisation and its agents, and those of others')
  identity
    .command('show')
    .description('the DID, its keys and where its history stands')
    .option(...agentOption)
    .action((options: OfAgent, command: Command) => show(options, command))
  identity
    .command('rotate')
    .description('rotate the update key; commit to a recovery key; name witnesses')
    .option(...agentOption)
    .option('--recovery-key <multikey>', 'may sign the next version in place of the server')
    .option('--witness <did...>', 'did:key of who must approve versions after this one; none: ""')
    .option('--threshold <number>', 'how many of them; all when not given')
    .action((options: RotateOptions, command: Command) => rotate(options, command))
  identity
    .command('deactivate')
    .description("deactivate a DID for good; an agent's keys are revoked")
    .option(...agentOption)
    .requiredOption('--yes', 'it cannot be taken back')
    .action((options: OfAgent, command: Command) => deactivate(options, command))
  identity
    .command('recovery-key')
    .description('make a recovery key in a file on this machine')
    .argument('<file>', 'keep it where the server cannot read it')
    .action((file: string, _, command: Command) => recoveryKey(file, command))
  identity
    .command('recover')
    .description('take a DID back with its recovery key')
    .option(...agentOption)
    .requiredOption('--key <file>', 'the recovery key; it is read here and stays here')
    .option('--next-recovery-key <multikey>', 'the one for the time after this')
    .action((options: RecoverOptions, command: Command) => recover(options, command))
  identity
    .command('resolve')
    .description('resolve and verify a did:key, did:web or did:webvh')
    .argument('<did>')
    .action((did: string, _, command: Command) => resolve(did, command))
  addWitnessCommands(identity)
}

function addWitnessCommands(identity: Command): void {
  identity
    .command('witness')
    .description("approve the last version of somebody's DID; prints the proof for them")
    .argument('<did>')
    .requiredOption('-f, --file <file>', 'their did.jsonl, with the version that waits')
    .action((did: string, options: { file: string }, command: Command) =>
      approve(did, options.file, command),
    )
  identity
    .command('add-proof')
    .description('add the proof of a witness')
    .option(...agentOption)
    .requiredOption('-f, --file <file>', 'what `identity witness` printed; - is standard input')
    .action((options: OfAgent & { file: string }, command: Command) => addProof(options, command))
  identity
    .command('pending')
    .description('print the did.jsonl with the version that waits for witnesses')
    .option(...agentOption)
    .action((options: OfAgent, command: Command) => pending(options, command))
}

function subject({ agent }: OfAgent): OfAgent {
  return agent === undefined ? {} : { agent }
}

async function show(options: OfAgent, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  printIdentity(await client.getIdentity(subject(options)), globals.json === true)
}

function printIdentity(identity: Identity, isJson: boolean): void {
  if (isJson) {
    printJson(identity)
    return
  }
  const { witness } = identity
  printFields({
    did: identity.did,
    'did:web': identity.webDid,
    version: identity.versionId,
    changed: identity.versionTime,
    state: identity.isDeactivated ? 'deactivated' : 'active',
    'next keys': identity.nextKeyHashes.join(' '),
    witnesses: witness === null ? 'none' : `${witness.threshold} of ${witness.witnesses.join(' ')}`,
    'this witness': identity.witnessDid,
  })
  if (identity.pendingLog === null) return
  note('A version waits for its witnesses: `identity pending` prints it, `add-proof` takes proofs.')
}

async function rotate(options: RotateOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { recoveryKey: multikey } = options
  const witness = witnessRule(options)
  const client = await connect(globals)
  const identity = await client.rotateIdentity({
    ...subject(options),
    ...(multikey === undefined ? {} : { recoveryKey: multikey }),
    ...(witness === undefined ? {} : { witness }),
  })
  printIdentity(identity, globals.json === true)
}

function witnessRule({ witness, threshold }: RotateOptions) {
  if (witness === undefined) return undefined
  const witnesses = witness.filter((did) => did !== '')
  if (witnesses.length === 0) return null
  const count = Number(threshold ?? witnesses.length)
  if (Number.isInteger(count) && count > 0) return { threshold: count, witnesses }
  throw new UsageError('--threshold must be a number of witnesses')
}

async function deactivate(options: OfAgent, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  printIdentity(await client.deactivateIdentity(subject(options)), globals.json === true)
}

async function recoveryKey(file: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { multikey } = await makeRecoveryKey(file)
  if (globals.json === true) printJson({ file, multikey })
  else printFields({ file, 'recovery key': multikey })
}

async function recover(options: RecoverOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const { nextRecoveryKey } = options
  const key = await readRecoveryKey(options.key)
  const client = await connect(globals)
  const draft = await client.draftRecovery({
    ...subject(options),
    recoveryKey: key.multikey,
    ...(nextRecoveryKey === undefined ? {} : { nextRecoveryKey }),
  })
  const line = await signEntry(draft.entry, key)
  const recovered = await client.recoverIdentity({ ...subject(options), line })
  printIdentity(recovered, globals.json === true)
  if (nextRecoveryKey === undefined) note('The DID has no recovery key any more.')
}

async function resolve(did: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const resolved = await client.resolveDid(did)
  if (globals.json === true) {
    printJson(resolved)
    return
  }
  printFields({
    did: resolved.did,
    version: resolved.versionId,
    state: resolved.isDeactivated ? 'deactivated' : 'active',
  })
  printLine(JSON.stringify(resolved.document, null, 2))
}

async function approve(did: string, file: string, command: Command): Promise<void> {
  const client = await connect(globalOptions(command))
  printJson(await client.witnessDid({ did, log: await readTextFile(file) }))
}

async function addProof(options: OfAgent & { file: string }, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const approval = parseApproval(await readTextFile(options.file))
  const client = await connect(globals)
  const identity = await client.addWitnessProof({ ...subject(options), ...approval })
  printIdentity(identity, globals.json === true)
}

function parseApproval(text: string): WitnessApproval {
  const value: unknown = safeParse(text)
  const members = new Map<string, unknown>(
    typeof value === 'object' && value !== null ? Object.entries(value) : [],
  )
  const versionId = members.get('versionId')
  const proof = members.get('proof')
  if (typeof versionId === 'string' && typeof proof === 'object' && proof !== null) {
    return { versionId, proof: Object.fromEntries(Object.entries(proof)) }
  }
  throw new UsageError('the file is not what `identity witness` printed')
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function pending(options: OfAgent, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { did, pendingLog } = await client.getIdentity(subject(options))
  if (globals.json === true) printJson({ did, pendingLog })
  else if (pendingLog === null) note('No version waits for witnesses.')
  else process.stdout.write(pendingLog)
}
