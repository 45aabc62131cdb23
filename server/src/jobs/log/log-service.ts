// The log as a service of this process: it signs what it may sign, and says to others in the process
// what is published. main.ts starts it before anything is written: a fork must be found first.
import { readFile } from 'node:fs/promises'
import { openDirectoryStore } from '../../adapters/objects/directory-store.ts'
import { openLastSigned } from '../../adapters/objects/last-signed.ts'
import type { ObjectStore } from '../../adapters/objects/object-store.ts'
import { openS3Store, type S3Options } from '../../adapters/objects/s3-store.ts'
import type { Signer } from '../../adapters/signer/signer.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { TlogError } from '../../core/tlog/fault.ts'
import type { NoteKey } from '../../core/tlog/note-key.ts'
import { type LogPolicy, parsePolicy } from '../../core/tlog/policy.ts'
import type { NoteSigner } from '../../core/tlog/signatures.ts'
import type { Database } from '../../store/database.ts'
import { findLog } from '../../store/log/entries.ts'
import { LogLock } from '../../store/log/log-lock.ts'
import { createWitnessClient } from './ask-witnesses.ts'
import { CheckpointWatch } from './checkpoint-watch.ts'
import { LogIntegrator } from './integrator.ts'
import { loadLogKeys, vkeyOf } from './log-keys.ts'

/** Longer than this a checkpoint does not wait for witnesses; they are asked again a second later. */
const witnessWaitMs = 700
const openWaitMs = 15_000
const openAskMs = 100

export type LogServiceOptions = {
  readonly db: Database
  readonly databaseUrl: string
  readonly organisationId: OrganisationId
  readonly dataDir: string
  readonly signer: Signer
  /** The names of the log and its keys begin with this. */
  readonly origin: string
  readonly store:
    | { readonly kind: 'directory'; readonly path: string }
    | ({ readonly kind: 's3' } & Omit<S3Options, 'now'>)
  readonly isPublic: boolean
  readonly policyFile: string | undefined
  readonly witnessedFile: string | undefined
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export type LogService = AsyncDisposable & {
  readonly store: ObjectStore
  readonly isPublic: boolean
  readonly signerOf: (origin: string, logKey: string) => NoteSigner | undefined
  readonly mustBeWitnessed: boolean
  /** The policy file as it was read at the start. */
  readonly policyText: string | undefined
  readonly witness: {
    readonly signer: NoteSigner
    readonly keysOf: (origin: string) => readonly NoteKey[] | undefined
  }
  readonly checkpoints: CheckpointWatch
  /** Rejects with `log.forked`: then the process must stop. */
  readonly failed: Promise<never>
}

/** Starts it. Throws `log.forked`, `log.storage`, `start.config_invalid`. */
export async function startLog(options: LogServiceOptions): Promise<LogService> {
  const { db, organisationId, databaseUrl, dataDir, signer, log } = options
  await using starting = new AsyncDisposableStack()
  const keys = await loadLogKeys({ signer, base: options.origin })
  const policy = await readPolicy('AIRWORTHY_LOG_POLICY', options.policyFile)
  const witnessed = await readPolicy('AIRWORTHY_WITNESSED_LOGS', options.witnessedFile)
  const store = starting.use(await openStore(options.store))
  const mustBeWitnessed = policy !== undefined && policy.quorum !== 'none'
  const checkpoints = new CheckpointWatch({ db, organisationId, mustBeWitnessed })
  const { promise: failed, reject } = Promise.withResolvers<never>()
  // Whoever waits for it hears it; until somebody does it must not end the process by itself.
  failed.catch((error: unknown) => log('the log has forked', { error: String(error) }))
  const lock = new LogLock({ databaseUrl, organisationId })
  const integrator = new LogIntegrator({
    db,
    organisationId,
    lock,
    store,
    lastSigned: openLastSigned(dataDir),
    keys,
    witnesses:
      policy === undefined
        ? undefined
        : createWitnessClient({ policy, timeoutMs: witnessWaitMs, log }),
    mustBeWitnessed,
    log,
    onForked: reject,
    onCheckpoint: () => checkpoints.wake(),
  })
  await integrator.check()
  integrator.start()
  starting.use(integrator)
  await waitUntilOpen(db, organisationId)
  const started = starting.move()
  return {
    store,
    isPublic: options.isPublic,
    signerOf: (origin, logKey) => {
      const found = keys.logSigner(origin)
      return vkeyOf(found) === logKey ? found : undefined
    },
    mustBeWitnessed,
    policyText:
      options.policyFile === undefined ? undefined : await readFile(options.policyFile, 'utf8'),
    witness: { signer: keys.witness, keysOf: (origin) => keysOf(witnessed, origin) },
    checkpoints,
    failed,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/**
 * A server that died while the log was rotated left no open shard: the integrator opens the next one.
 * Whoever writes later says so where that did not come in time.
 */
async function waitUntilOpen(db: Database, organisationId: OrganisationId): Promise<void> {
  const deadline = performance.now() + openWaitMs
  while ((await findLog(db, organisationId)) === undefined && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, openAskMs))
  }
}

function openStore(store: LogServiceOptions['store']): Promise<ObjectStore> {
  if (store.kind === 'directory') return openDirectoryStore(store.path)
  return Promise.resolve(openS3Store({ ...store, now: Date.now }))
}

function keysOf(policy: LogPolicy | undefined, origin: string): readonly NoteKey[] | undefined {
  const keys = policy?.logs.map(({ key }) => key).filter(({ name }) => name === origin)
  return keys === undefined || keys.length === 0 ? undefined : keys
}

async function readPolicy(
  setting: string,
  path: string | undefined,
): Promise<LogPolicy | undefined> {
  if (path === undefined) return undefined
  try {
    return parsePolicy(await readFile(path))
  } catch (cause) {
    const why = cause instanceof TlogError ? cause.message : 'it cannot be read'
    throw new AirworthyError('start.config_invalid', `${setting}: ${path}: ${why}`, {
      cause,
      detail: { setting },
    })
  }
}
