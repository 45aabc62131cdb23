// airworthy agent keys: the API keys of an agent, and the public keys that it signs with.
import type { AddPublicKey, KeyScope } from '@airworthy/sdk'
import { type Command, Option } from 'commander'
import { connect, globalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { readTextFile } from './text-file.ts'
import { note, printFields, printJson, printLine, printTable, shortTime } from './terminal.ts'

const scopes: readonly KeyScope[] = ['call', 'models', 'tools']

type AddOptions = {
  readonly jwk?: string
  readonly pem?: string
  readonly multikey?: string
  readonly expires?: string
}

type IssueOptions = {
  readonly bind?: string
  readonly scope?: readonly KeyScope[]
  readonly expires?: string
}

export function addAgentKeyCommands(agent: Command): void {
  const keys = agent.command('keys').description('API keys, and the public keys of an agent')
  keys
    .command('add')
    .description("enrol an agent's public key; the private one stays with the agent")
    .argument('<agent>', 'its name or id')
    .option('--jwk <file>', 'a public JWK; - reads it from standard input')
    .option('--pem <file>', 'a public key in PEM (SPKI)')
    .option('--multikey <text>', 'z6Mk... or zDn...')
    .option('--expires <time>', 'such as 2027-01-31T00:00:00Z')
    .action((name: string, options: AddOptions, command: Command) => add(name, options, command))
  keys
    .command('list')
    .description('list API keys and public keys, revoked ones too')
    .argument('<agent>', 'its name or id')
    .action((name: string, _, command: Command) => list(name, command))
  keys
    .command('issue')
    .description('issue one more API key')
    .argument('<agent>', 'its name or id')
    .option('--bind <thumbprint>', 'worth nothing without signatures of this public key')
    .addOption(new Option('--scope <scope...>', 'what it may be used for').choices(scopes))
    .option('--expires <time>', 'such as 2027-01-31T00:00:00Z')
    .action((name: string, options: IssueOptions, command: Command) =>
      issue(name, options, command),
    )
  keys
    .command('rotate')
    .description('issue an API key in the place of another, which works on for a while')
    .argument('<agent>', 'its name or id')
    .argument('<key>', 'the id of the API key')
    .option('--overlap <seconds>', 'how long the old one works on', '3600')
    .action((name: string, key: string, options: { overlap: string }, command: Command) =>
      rotate({ name, key, overlap: options.overlap }, command),
    )
  keys
    .command('revoke')
    .description('revoke an API key, or a public key and the API keys bound to it')
    .argument('<agent>', 'its name or id')
    .argument('<key>', 'the id of an API key, or the thumbprint of a public key')
    .action((name: string, key: string, _, command: Command) => revoke(name, key, command))
}

async function add(name: string, options: AddOptions, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const body = await readPublicKey(options)
  const client = await connect(globals)
  const key = await client.addPublicKey(name, body)
  if (globals.json === true) printJson(key)
  else printFields({ thumbprint: key.thumbprint, algorithm: key.algorithm })
}

async function readPublicKey(options: AddOptions): Promise<AddPublicKey> {
  const { jwk, pem, multikey, expires } = options
  if ([jwk, pem, multikey].filter((each) => each !== undefined).length !== 1) {
    throw new UsageError('give one of --jwk, --pem and --multikey')
  }
  const expiry = expires === undefined ? {} : { expiresAt: expires }
  if (multikey !== undefined) return { multikey, ...expiry }
  if (pem !== undefined) return { pem: await readTextFile(pem), ...expiry }
  return { jwk: parseObject(await readTextFile(jwk ?? '-')), ...expiry }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return Object.fromEntries(Object.entries(value))
    }
  } catch (cause) {
    throw new UsageError('the JWK is not valid JSON', { cause })
  }
  throw new UsageError('the JWK must be a JSON object')
}

async function list(name: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const { keys: apiKeys } = await client.getAgent(name)
  const { keys: publicKeys } = await client.listPublicKeys(name)
  if (globals.json === true) {
    printJson({ apiKeys, publicKeys })
    return
  }
  printTable(
    ['API KEY', 'PREFIX', 'SCOPES', 'BOUND TO', 'ISSUED', 'EXPIRES', 'REVOKED'],
    apiKeys.map((key) => [
      key.id,
      `${key.prefix}...`,
      key.scopes.join(' '),
      key.thumbprint,
      shortTime(key.createdAt),
      shortTime(key.expiresAt),
      shortTime(key.revokedAt),
    ]),
  )
  printLine()
  printTable(
    ['PUBLIC KEY', 'ALGORITHM', 'ADDED', 'EXPIRES', 'REVOKED'],
    publicKeys.map((key) => [
      key.thumbprint,
      key.algorithm,
      shortTime(key.createdAt),
      shortTime(key.expiresAt),
      shortTime(key.revokedAt),
    ]),
  )
}

async function issue(name: string, options: IssueOptions, command: Command): Promise<void> {
  const { bind, scope, expires } = options
  const globals = globalOptions(command)
  const client = await connect(globals)
  const issued = await client.issueKey(name, {
    ...(bind === undefined ? {} : { thumbprint: bind }),
    ...(scope === undefined ? {} : { scopes: scope }),
    ...(expires === undefined ? {} : { expiresAt: expires }),
  })
  printIssued(issued, globals.json === true)
}

async function rotate(
  of: { readonly name: string; readonly key: string; readonly overlap: string },
  command: Command,
): Promise<void> {
  const globals = globalOptions(command)
  if (!/^\d{1,7}$/.test(of.overlap)) throw new UsageError('--overlap must be a number of seconds')
  const client = await connect(globals)
  const issued = await client.rotateKey(of.name, of.key, { overlapSeconds: Number(of.overlap) })
  printIssued(issued, globals.json === true)
}

function printIssued(
  issued: { readonly id: string; readonly apiKey: string },
  isJson: boolean,
): void {
  if (isJson) {
    printJson(issued)
    return
  }
  printFields({ id: issued.id, 'api key': issued.apiKey })
  note('The API key is shown this once. Only its hash is stored.')
}

async function revoke(name: string, key: string, command: Command): Promise<void> {
  const globals = globalOptions(command)
  const client = await connect(globals)
  const isThumbprint = /^[A-Za-z0-9_-]{43}$/.test(key)
  const revoked = isThumbprint
    ? await client.revokePublicKey(name, key)
    : await client.revokeKey(name, key)
  if (globals.json === true) printJson(revoked)
  else printLine(`${key} is revoked`)
}
