// The control API over real HTTP on a database of its own. What the gateway does is a fake that
// notes its commands; tests that need rows of the gateway insert them.
import { generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client, type UpstreamList } from '@airworthy/sdk'
import { Identities } from '../../src/api/identity/identities.ts'
import { createApi, type ApiDependencies } from '../../src/api/api.ts'
import type { ListedTool } from '../../src/api/dependencies.ts'
import { openPriceCatalogue } from '../../src/adapters/price-catalogue/price-catalogue.ts'
import { openDirectoryStore } from '../../src/adapters/objects/directory-store.ts'
import { createNotifier } from '../../src/adapters/notifier/notifier.ts'
import { createDidResolver } from '../../src/adapters/resolve-did.ts'
import { FileKeystore } from '../../src/adapters/signer/file-keystore.ts'
import { createNoteKey } from '../../src/core/tlog/note-key.ts'
import { openDatabase, type Database } from '../../src/store/database.ts'
import { ensureOperator } from '../../src/store/identity/operators.ts'
import { PayloadVault } from '../../src/store/audit/payloads.ts'
import { PriceBook } from '../../src/store/models/price-book.ts'
import { bootstrapOrganisation } from '../../src/store/organisations.ts'
import type { OrganisationId } from '../../src/core/ids.ts'
import { createTestDatabase } from '../database.ts'

export type ApiServer = {
  readonly baseUrl: string
  readonly operatorKey: string
  readonly client: Client
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly commands: unknown[]
  readonly logged: unknown[]
  readonly databaseUrl: string
} & AsyncDisposable

type Replacements = Partial<
  Pick<
    ApiDependencies,
    'tools' | 'calls' | 'holds' | 'effects' | 'payloads' | 'health' | 'upstreams'
  >
>

const noUpstreams: UpstreamList = {
  replica: null,
  at: '2026-01-01T00:00:00.000Z',
  admission: { running: 0, waiting: 0, concurrencyMax: 1 },
  upstreams: [],
}

/** Starts one. `replace` may see the server's database through its argument. */
export async function startApi(
  replace: (db: Database, organisationId: OrganisationId) => Replacements = () => ({}),
): Promise<ApiServer> {
  const database = await createTestDatabase()
  const opened = openDatabase({ url: database.url, poolMax: 8 })
  const { db } = opened
  const { organisationId } = await bootstrapOrganisation(db)
  const operatorKey = await makeOperator(db, organisationId)
  const commands: unknown[] = []
  const logged: unknown[] = []
  const note = async (command: unknown) => void commands.push(command)
  let baseUrl = ''
  const catalogue = await openPriceCatalogue()
  const book = new PriceBook({ db, organisationId, catalogue, now: Date.now })
  const api = await createApi({
    db,
    organisationId,
    tools: { list: async () => shopTools },
    prices: { book, catalogue },
    holds: { decide: note, edit: () => Promise.reject(new Error('none')) },
    canaries: { plant: () => Promise.reject(new Error('none')) },
    handovers: {
      say: () => Promise.reject(new Error('none')),
      call: () => Promise.reject(new Error('none')),
    },
    effects: { undo: note, resolve: note, previewUndo: () => Promise.reject(new Error('none')) },
    proofs: { prove: () => Promise.resolve([]) },
    runs: { wake: () => undefined },
    channels: {
      notifier: createNotifier({ allowPrivate: ['127.0.0.1'], secretOf: () => undefined }),
      vault: new PayloadVault({ db, organisationId, masterKey: randomBytes(32) }),
    },
    calls: { settle: () => Promise.reject(new Error('none')) },
    upstreams: { list: () => noUpstreams },
    payloads: { open: async () => undefined },
    publishedLog: await publishedLog(),
    identities: new Identities({
      db,
      organisationId,
      signer: await keystore(),
      domain: () => 'agents.example.com',
      services: () => [],
      log: (message) => void logged.push({ message }),
    }),
    resolveDid: createDidResolver({ allowPrivate: [] }),
    subjectIds: async (subject) => [hash('sha256', subject, 'buffer')],
    digestOf: (text) => hash('sha256', text, 'hex'),
    health: async () => ({ status: 'ok', version: '0.0.0', database: null, openCalls: 0 }),
    publicUrl: () => baseUrl,
    log: (message, fields) => void logged.push({ message, fields }),
    ...replace(db, organisationId),
  })
  const server = createServer(api.handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('not listening')
  baseUrl = `http://127.0.0.1:${address.port}`
  const client = createClient({ baseUrl, key: operatorKey })
  return {
    baseUrl,
    operatorKey,
    client,
    db,
    organisationId,
    commands,
    logged,
    databaseUrl: database.url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await api.close()
      await opened.close()
      await database.drop()
    },
  }
}

async function keystore(): Promise<FileKeystore> {
  const directory = await mkdtemp(join(tmpdir(), 'airworthy-keystore-'))
  const secret = { kind: 'master-key', masterKey: randomBytes(32) } as const
  return FileKeystore.open({ path: join(directory, 'keystore.json'), secret })
}

/** Nothing is published, and no other log is witnessed. */
async function publishedLog(): Promise<ApiDependencies['publishedLog']> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const key = createNoteKey({ name: 'witness', type: 'ed25519-cosignature', publicKey: raw })
  const signer = { key, sign: async (bytes: Uint8Array) => sign(null, bytes, privateKey) }
  return {
    store: await openDirectoryStore(await mkdtemp(join(tmpdir(), 'airworthy-log-'))),
    isPublic: false,
    signerOf: () => undefined,
    mustBeWitnessed: false,
    witness: { signer, keysOf: () => undefined },
  }
}

async function makeOperator(db: Database, organisationId: OrganisationId): Promise<string> {
  let key = ''
  const file = {
    read: async () => undefined,
    write: async (text: string) => {
      key = text
    },
  }
  await ensureOperator(db, organisationId, { file, isNewKey: false })
  return key
}

export type Answer = {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
  /** The error's code, when it is one. */
  readonly code: string | undefined
}

/** One raw request, for what a typed client would not send. */
export async function ask(
  api: ApiServer,
  request: {
    readonly path: string
    readonly method?: string
    readonly key?: string | null
    readonly body?: unknown
    readonly text?: string
    readonly contentType?: string
  },
): Promise<Answer> {
  const headers = new Headers()
  const key = request.key === undefined ? api.operatorKey : request.key
  if (key !== null) headers.set('authorization', `Bearer ${key}`)
  const body = request.text ?? (request.body === undefined ? null : JSON.stringify(request.body))
  if (body !== null) headers.set('content-type', request.contentType ?? 'application/json')
  const method = request.method ?? (body === null ? 'GET' : 'POST')
  const response = await fetch(`${api.baseUrl}${request.path}`, { method, headers, body })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  const answer: unknown = isJson ? JSON.parse(text) : text
  return { status: response.status, headers: response.headers, body: answer, code: codeOf(answer) }
}

function codeOf(body: unknown): string | undefined {
  const error: unknown = fieldOf(body, 'error')
  const code = fieldOf(error, 'code')
  return typeof code === 'string' ? code : undefined
}

export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return new Map<string, unknown>(Object.entries(value)).get(name)
}

const orderSchema = {
  type: 'object',
  properties: { order_id: { type: 'string' }, reason: { type: 'string' } },
  required: ['order_id', 'reason'],
  additionalProperties: false,
}

export const shopTools: Readonly<Record<string, ListedTool>> = {
  'shop/get_order': {
    description: 'Reads an order.',
    inputSchema: {
      type: 'object',
      properties: { order_id: { type: 'string' } },
      required: ['order_id'],
      additionalProperties: false,
    },
  },
  'shop/cancel_order': { description: 'Cancels an order.', inputSchema: orderSchema },
}

/** A manifest of the shop's agent; `change` edits its text. */
export function manifestText(change: (text: string) => string = (text) => text): string {
  return change(`schema: airworthy.manifest/1
agent: { name: desk, owner: support@example.com, stakes: medium }
models:
  - name: small
    wire: openai
    baseUrl: http://127.0.0.1:9/v1
    prices: { inputPerMillionUsd: "0.40", outputPerMillionUsd: "1.60" }
    maxOutputTokens: 1000
prompts:
  - { name: desk, template: "You help customers." }
toolServers:
  shop: { transport: http, url: "http://127.0.0.1:9/mcp" }
tools:
  shop/get_order: { effect: read }
  shop/cancel_order: { effect: irreversible }
limits:
  session: { calls: 50, tokens: 100000, moneyUsd: "1.00" }
  agent: { calls: 1000 }
pact:
  permissions:
    - { id: models, effect: allow, models: ["*"] }
    - { id: tools, effect: allow, tools: ["shop/*"] }
`)
}

/** Enrols the shop's agent. */
export function enrolDesk(api: ApiServer, change?: (text: string) => string) {
  return api.client.enrolAgent({ manifest: manifestText(change), file: 'agent.yaml' })
}
