// airworthy operator key new | add | list | revoke
import { type AddOperatorKey, type Client, signOperatorKey } from '@airworthy/sdk'
import type { Command } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { note, printFields, printJson, printTable, shortTime } from './terminal.ts'
import { makeVoteKey, readVoteKey, type VoteKey, voteKeyFile } from './vote-key.ts'

type NewOptions = { readonly out?: string; readonly endorse?: string }
type AddOptions = { readonly endorse?: string; readonly operator?: string }
type OperatorOption = { readonly operator: string }

export function addOperatorKeyCommands(operator: Command): void {
  const key = operator.command('key').description('keys that operators sign their votes with')
  key
    .command('new')
    .description('make a key for your votes and enrol it; only the public part is sent')
    .option('--out <file>', 'where the private key goes (default: beside the API key, .vote)')
    .option('--endorse <file>', 'your key so far: it vouches for the new one')
    .action((options: NewOptions, command: Command) => make(options, command))
  key
    .command('add')
    .description('enrol a key that was made before, or, as an admin, the key of another')
    .argument('<file>', 'the private key in PEM; of another operator their public key (base64url)')
    .option('--endorse <file>', 'your key so far: it vouches for the new one')
    .option('--operator <id>', 'whose key it is')
    .action((file: string, options: AddOptions, command: Command) => add(file, options, command))
  key
    .command('list')
    .description('list keys, revoked ones too')
    .option('--operator <id>', 'whose', 'me')
    .action((options: OperatorOption, command: Command) => list(options, command))
  key
    .command('revoke')
    .description('revoke a key; its votes that decided nothing yet are void')
    .argument('<thumbprint>', 'as `operator key list` shows it')
    .option('--operator <id>', 'whose', 'me')
    .action((thumbprint: string, options: OperatorOption, command: Command) =>
      revoke(thumbprint, options, command),
    )
}

async function make(options: NewOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  // Before the new key is made: a file that cannot be read leaves nothing behind.
  const voucher = options.endorse === undefined ? undefined : await readVoteKey(options.endorse)
  const file = voteKeyFile(globals, options.out)
  const key = await makeVoteKey(file)
  const added = await client.addOperatorKey('me', await enrolment(client, key, voucher))
  if (globals.json === true) {
    printJson({ key: added, file })
    return
  }
  printFields({ key: added.thumbprint, file })
  note('From now on your votes must be signed. The file never leaves this machine.')
}

async function add(file: string, options: AddOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { operator = 'me' } = options
  const body =
    operator === 'me'
      ? await enrolment(
          client,
          await readVoteKey(file),
          options.endorse === undefined ? undefined : await readVoteKey(options.endorse),
        )
      : { publicKey: file }
  const added = await client.addOperatorKey(operator, body)
  if (globals.json === true) printJson(added)
  else printFields({ key: added.thumbprint })
}

async function enrolment(
  client: Client,
  key: VoteKey,
  voucher: VoteKey | undefined,
): Promise<AddOperatorKey> {
  const { organisation, operator } = await client.listOperatorKeys('me')
  const enrolled = { organisation, operator, key: key.thumbprint }
  const proof = await signOperatorKey(enrolled, key)
  const { publicKey } = key
  if (voucher === undefined) return { publicKey, proof }
  return { publicKey, proof, endorsement: await signOperatorKey(enrolled, voucher) }
}

async function list({ operator }: OperatorOption, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const found = await client.listOperatorKeys(operator)
  if (globals.json === true) {
    printJson(found)
    return
  }
  printTable(
    ['KEY', 'PUBLIC KEY', 'ADDED', 'REVOKED'],
    found.keys.map((key) => [
      key.thumbprint,
      key.publicKey,
      shortTime(key.addedAt),
      shortTime(key.revokedAt),
    ]),
  )
}

async function revoke(
  thumbprint: string,
  { operator }: OperatorOption,
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const revoked = await client.revokeOperatorKey(operator, thumbprint)
  if (globals.json === true) printJson(revoked)
  else printFields({ key: revoked.thumbprint, revoked: shortTime(revoked.revokedAt) })
}
