// Makes the entries a signed tree. Whichever replica holds the lock reads entries in their order,
// writes tiles and bundles, and signs a checkpoint each second in which the log grew. The order of its
// writes is what makes a fork impossible: tiles; then this machine's record of what it is about to
// say; then the object store's, by compare and swap; then the database's; only then anybody hears it.
import type { LastSigned } from '../../adapters/objects/last-signed.ts'
import {
  checkpointPath,
  type LogFiles,
  logFiles,
  signedPath,
  tilesOf,
} from '../../adapters/objects/log-files.ts'
import type { ObjectStore } from '../../adapters/objects/object-store.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { type Checkpoint, parseCheckpoint } from '../../core/tlog/checkpoint.ts'
import { edgeRoot, type LogFile, type TreeEdge } from '../../core/tlog/integrate.ts'
import { signCheckpointNote } from '../../core/tlog/signatures.ts'
import {
  findShard,
  isGone,
  listShards,
  nameShard,
  readClock,
  type Shard,
  storeCheckpoint,
} from '../../store/log/checkpoints.ts'
import type { Database } from '../../store/database.ts'
import type { LogLock } from '../../store/log/log-lock.ts'
import { openNextShard } from '../../store/log/log-shards.ts'
import type { WitnessClient } from './ask-witnesses.ts'
import { continueShardDeletion, type DeletionStep, removeLeftovers } from './delete-shards.ts'
import { forked } from './forked.ts'
import { growEdge } from './grow-edge.ts'
import { loadTree } from './load-tree.ts'
import { type LogKeys, vkeyOf } from './log-keys.ts'

export const checkpointEveryMs = 1000
/** Partial tiles to be removed once the full tile is there; more are left lying, which does no harm. */
const partialsMax = 4096

/** A durable write, before and after; drills stop the process there. */
export type IntegratorStep =
  | 'tiles'
  | 'tiles.done'
  | 'local.done'
  | 'claim.done'
  | 'database.done'
  | 'witnesses.done'
  | 'publish.done'
  | DeletionStep

export type IntegratorOptions = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly lock: Pick<LogLock, 'hold' | 'release'>
  readonly store: ObjectStore
  readonly lastSigned: LastSigned
  readonly keys: LogKeys
  /** Undefined: nobody else is asked, and every checkpoint counts as witnessed. */
  readonly witnesses: WitnessClient | undefined
  /** Whether a checkpoint counts only with the witnesses' quorum. */
  readonly mustBeWitnessed: boolean
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  /** Hears of a fork: the process must stop. */
  readonly onForked: (error: AirworthyError) => void
  readonly onCheckpoint?: (signed: { readonly logId: bigint; readonly size: number }) => void
  readonly onStep?: (step: IntegratorStep) => void
}

type Signed = { readonly checkpoint: Checkpoint; readonly note: Buffer }

type State = {
  readonly files: LogFiles
  edge: TreeEdge
  signedSize: number
  storeVersion: string | undefined
  /** What died between two writes was signed, but perhaps not heard of: it is signed again. */
  mustSign: boolean
  /** Signed, but not yet cosigned by a quorum and published. */
  pending: Signed | undefined
  /** Of this term: paths of partial files whose full tile is not there yet. */
  readonly partials: Set<string>
}

export class LogIntegrator implements AsyncDisposable {
  readonly #options: IntegratorOptions
  readonly #states = new Map<bigint, State>()
  readonly #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #isForeign = false

  constructor(options: IntegratorOptions) {
    this.#options = options
  }

  /** Checks every shard before anything is written. Throws `log.forked`. */
  async check(): Promise<void> {
    for (const shard of await this.#shards()) {
      if (shard.logKey === undefined || !this.#isOurs(shard)) continue
      await this.#unlessDeleted(shard, async () => void (await this.#load(shard)))
    }
    // What was loaded may be old by the time the lock is ours.
    this.#states.clear()
  }

  /** Runs until it is disposed: a turn each second, one at a time. */
  start(): void {
    this.#running = this.#loop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#options.lock.release()
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping
    let lastFailure = ''
    while (!signal.aborted) {
      const began = performance.now()
      try {
        await this.turn()
        lastFailure = ''
      } catch (thrown) {
        this.#states.clear()
        if (thrown instanceof AirworthyError && thrown.code === 'log.forked') {
          this.#options.onForked(thrown)
          return
        }
        // Said once: the same disk is full a second later.
        const failure = String(thrown)
        if (failure !== lastFailure) this.#options.log('the log could not be signed', { failure })
        lastFailure = failure
      }
      await pause(Math.max(checkpointEveryMs - (performance.now() - began), 0), signal)
    }
  }

  /** One turn: every shard that grew gets its checkpoint. Throws `log.forked`, `log.storage`. */
  async turn(): Promise<void> {
    const shards = await this.#shards()
    const foreign = shards.find((shard) => !this.#isOurs(shard))
    if (foreign !== undefined) {
      // Another replica has the keys, and must be let in.
      if (!this.#isForeign) {
        const { logKey: key } = foreign
        this.#options.log('the keys of the log are not here: another replica signs', { key })
      }
      this.#isForeign = true
      await this.#options.lock.release()
      return
    }
    if (!(await this.#options.lock.hold())) {
      this.#states.clear()
      return
    }
    for (const shard of shards) {
      if (shard.isOpen) await this.#advance(shard)
      else if (!this.#isFinished(shard)) {
        await this.#unlessDeleted(shard, () => this.#advance(shard))
      }
    }
    const newest = shards.at(-1)
    if (newest !== undefined && !newest.isOpen && this.#isFinished(newest)) {
      await openNextShard(this.#options.db, this.#options.organisationId, newest.logId)
    }
    await this.#continueDeletion()
  }

  /** Those whose entries are there. */
  async #shards(): Promise<Shard[]> {
    const shards = await listShards(this.#options.db, this.#options.organisationId)
    return shards.filter((shard) => !isGone(shard))
  }

  /**
   * Another integrator, which lost the lock unheard or has it now, may delete the shard meanwhile: then
   * what is missing is no fork, and what was made again of it goes.
   */
  async #unlessDeleted(shard: Shard, work: () => Promise<void>): Promise<void> {
    const { db, organisationId, store } = this.#options
    let failure: unknown
    try {
      await work()
    } catch (thrown) {
      failure = thrown
    }
    const now = await findShard(db, organisationId, { logId: String(shard.logId) })
    if (now !== undefined && isGone(now)) {
      this.#states.delete(shard.logId)
      await removeLeftovers(store, shard)
    } else if (failure !== undefined) throw failure
  }

  /** A store that does not delete is no reason not to sign. */
  async #continueDeletion(): Promise<void> {
    try {
      await continueShardDeletion(this.#options)
    } catch (thrown) {
      const failure = String(thrown)
      this.#options.log('the deletion of a shard of the log failed', { failure })
    }
  }

  #isOurs({ origin, logKey }: Shard): boolean {
    if (origin === undefined || logKey === undefined) return true
    return logKey === vkeyOf(this.#options.keys.logSigner(origin))
  }

  #isFinished(shard: Shard): boolean {
    return this.#states.get(shard.logId)?.signedSize === shard.size
  }

  async #load(shard: Shard): Promise<State> {
    const { store, keys } = this.#options
    const files = logFiles(store, shard.name)
    const { key } = keys.logSigner(shard.origin ?? keys.originOf(shard.name))
    const tree = await loadTree({ ...this.#options, files }, shard, key)
    const state: State = { files, partials: new Set(), pending: undefined, ...tree }
    this.#states.set(shard.logId, state)
    return state
  }

  async #advance(found: Shard): Promise<void> {
    const shard = found.origin === undefined ? await this.#name(found) : found
    if (shard.size === 0 || !this.#isOurs(shard)) return
    const state = await this.#stateOf(shard)
    if (shard.size < state.signedSize) {
      throw forked(`the database has ${shard.size} entries, ${state.signedSize} are signed`, {})
    }
    if (shard.size === state.signedSize && !state.mustSign) {
      await this.#settle(shard, state)
      return
    }
    this.#step('tiles')
    state.edge = await growEdge(
      { ...this.#options, files: state.files },
      {
        shard,
        edge: state.edge,
        to: shard.size,
        isWritten: true,
        onFile: (file) => rememberPartial(state.partials, file),
      },
    )
    this.#step('tiles.done')
    await this.#sign(shard, state)
    await this.#settle(shard, state)
    await removePartials(state)
  }

  /** What is remembered holds as long as nobody else has signed since. */
  async #stateOf(shard: Shard): Promise<State> {
    const known = this.#states.get(shard.logId)
    if (known === undefined) return this.#load(shard)
    const { store } = this.#options
    const signed = await store.read(known.files.nameOf(signedPath))
    return signed?.version === known.storeVersion ? known : this.#load(shard)
  }

  /** The first replica that comes fixes the shard's origin and keys. */
  #name(shard: Shard): Promise<Shard> {
    const { db, organisationId, keys } = this.#options
    const origin = keys.originOf(shard.name)
    return nameShard(db, organisationId, {
      logId: shard.logId,
      name: shard.name,
      origin,
      logKey: vkeyOf(keys.logSigner(origin)),
      mirrorKey: vkeyOf(keys.mirror),
    })
  }

  async #sign(shard: Shard, state: State): Promise<void> {
    const { db, keys, lastSigned, store } = this.#options
    const { logId } = shard
    const { size } = state.edge
    const origin = shard.origin ?? keys.originOf(shard.name)
    const checkpoint: Checkpoint = { origin, size, root: edgeRoot(state.edge) }
    const atSeconds = Math.floor((await readClock(db)) / 1000)
    const signers = [keys.logSigner(origin), keys.mirror]
    const note = await signCheckpointNote({ checkpoint, signers, atSeconds })
    await lastSigned.write(logId, note)
    this.#step('local.done')
    const claim = state.files.nameOf(signedPath)
    if (!(await store.replace(claim, note, state.storeVersion))) {
      // Another integrator was faster: what it signed is looked at before anything else is.
      this.#states.delete(logId)
      return
    }
    state.storeVersion = (await store.read(claim))?.version
    state.signedSize = size
    state.mustSign = false
    state.pending = { checkpoint, note }
    this.#step('claim.done')
    const isWitnessed = this.#options.witnesses === undefined
    await this.#store(logId, { checkpoint, note, isWitnessed })
    this.#step('database.done')
  }

  /** Asks the witnesses and publishes. Without a quorum it is asked again with the next turn. */
  async #settle(shard: Shard, state: State): Promise<void> {
    const { pending, files } = state
    if (pending === undefined) return
    const { checkpoint, note } = pending
    const { logId } = shard
    const { size } = checkpoint
    const readTile = tilesOf(files, size)
    const witnessed = await this.#options.witnesses?.ask({ checkpoint, note, readTile })
    this.#step('witnesses.done')
    const isWitnessed = witnessed?.isQuorum ?? true
    const signed = witnessed?.note ?? note
    if (witnessed !== undefined) await this.#store(logId, { checkpoint, note: signed, isWitnessed })
    await publish(files, { size, note: signed })
    this.#step('publish.done')
    if (isWitnessed) state.pending = undefined
    this.#options.onCheckpoint?.({ logId, size })
  }

  async #store(logId: bigint, signed: Signed & { readonly isWitnessed: boolean }): Promise<void> {
    const { db, organisationId } = this.#options
    const { size, root } = signed.checkpoint
    const { isWitnessed } = signed
    const row = { logId, size, root, note: signed.note.toString(), isWitnessed }
    if (await storeCheckpoint(db, organisationId, row)) return
    throw forked(`the database has another signed checkpoint of ${size} entries`, { size })
  }

  #step(step: IntegratorStep): void {
    this.#options.onStep?.(step)
  }
}

/** Never replaces a longer checkpoint: a process that was slow may come late. */
async function publish(
  files: LogFiles,
  checkpoint: { readonly size: number; readonly note: Buffer },
): Promise<void> {
  const name = files.nameOf(checkpointPath)
  const found = await files.store.read(name)
  if (found !== undefined && parseCheckpoint(found.bytes).size > checkpoint.size) return
  await files.store.replace(name, checkpoint.note, found?.version)
}

function rememberPartial(partials: Set<string>, file: LogFile): void {
  if (file.isPartial && partials.size < partialsMax) partials.add(file.path)
}

/** Removes the partial files of this term whose full one is stored. */
async function removePartials(state: State): Promise<void> {
  for (const path of state.partials) {
    const full = path.slice(0, path.indexOf('.p/'))
    if (isFull(full, state.edge.size)) {
      await state.files.store.remove(state.files.nameOf(path))
      state.partials.delete(path)
    }
  }
}

const fullPath = /^tile\/(?<level>entries|\d+)\/(?<place>.+)$/

function isFull(path: string, size: number): boolean {
  const groups = fullPath.exec(path)?.groups
  if (groups === undefined) return false
  const { level = '', place = '' } = groups
  const index = Number(place.replaceAll(/\D/g, ''))
  const leaves = 256 ** (level === 'entries' ? 1 : Number(level) + 1)
  return (index + 1) * leaves <= size
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
