// What waits in the recorder's queue, and how each is answered.
import { AirworthyError } from '../../core/errors.ts'
import { type Batch } from './batch.ts'
import type { ReplaceableHold } from './place-edit.ts'
import { placeIntent } from './place-intent.ts'
import { placeOutcome } from './place-outcome.ts'
import { placeUndo } from './place-undo.ts'
import type { OpenCall } from './state.ts'
import type { Intent, IntentResult, Outcome, Settled } from './types.ts'

export const batchItemsMax = 256
/** Payloads of a batch are one parameter of its statement: PostgreSQL takes less than 1 GB. */
export const batchBytesMax = 32 * 1024 * 1024

type Deferred<T> = {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

export type IntentItem = {
  readonly kind: 'intent'
  readonly intent: Intent
  readonly decided: Deferred<IntentResult>
  readonly durable: Deferred<IntentResult>
  wasDispatched: boolean
}

export type OutcomeItem = {
  readonly kind: 'outcome'
  readonly outcome: Outcome
  readonly durable: Deferred<Settled>
}

export type Item = IntentItem | OutcomeItem

export function intentItem(intent: Intent): IntentItem {
  return { kind: 'intent', intent, decided: defer(), durable: defer(), wasDispatched: false }
}

export function outcomeItem(outcome: Outcome): OutcomeItem {
  return { kind: 'outcome', outcome, durable: defer() }
}

/** Takes the oldest items of the queue: one, and as many more as one batch may hold. */
export function takeBatch(queue: Item[]): Item[] {
  let bytes = 0
  let count = 0
  for (const item of queue) {
    bytes += payloadBytes(item)
    if (count === batchItemsMax || (count > 0 && bytes > batchBytesMax)) break
    count += 1
  }
  return queue.splice(0, count)
}

function payloadBytes(item: Item): number {
  const payload = item.kind === 'intent' ? item.intent.request : item.outcome.response
  return payload?.sealed.length ?? 0
}

export function fail(item: Item, error: AirworthyError): void {
  if (item.kind === 'intent') item.decided.reject(error)
  item.durable.reject(error)
}

export function unavailable(message: string, cause?: unknown): AirworthyError {
  return new AirworthyError('log.unavailable', message, { cause })
}

function defer<T>(): Deferred<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  // Whoever does not wait for it must not bring the process down.
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}

/** Calls of which the recorder had to ask the database; those that are settled leave it. */
export type Loaded = {
  readonly calls: Map<string, OpenCall>
  /** Held calls that may go on; each that is placed leaves it. */
  readonly heldIds: Set<string>
  /** Holds that a person may propose anew; each that is replaced leaves it. */
  readonly replaceable: Map<string, ReplaceableHold>
}

export type PlacedItem = {
  /** Once the lock is held and the decision stands: a call under a durable lease may leave. */
  readonly onLocked: () => void
  readonly onDurable: () => void
}

export function placeItem(
  batch: Batch,
  item: Item,
  options: { loaded: Loaded; newId: () => string },
): PlacedItem {
  const { loaded } = options
  if (item.kind === 'outcome') return placeOutcomeItem(batch, item, loaded)
  const settled = refuseSettledHold(item.intent, loaded)
  if (settled !== undefined) return { onLocked: nothing, onDurable: () => fail(item, settled) }
  const { callId, author, resume, undo } = item.intent
  const replaced = author && loaded.replaceable.get(author.replaces)
  const { result, isLeased } =
    undo === undefined
      ? placeIntent(batch, item.intent, { newId: options.newId, replaced })
      : { result: placeUndo(batch, item.intent, undo), isLeased: false }
  if (resume !== undefined && 'decision' in result) loaded.heldIds.delete(callId)
  for (const row of batch.rows.replaced) loaded.replaceable.delete(row.hold_id)
  const onLocked = (): void => {
    item.wasDispatched = true
    item.decided.resolve(result)
  }
  const onDurable = (): void => {
    item.decided.resolve(result)
    item.durable.resolve(result)
  }
  return { onLocked: isLeased ? onLocked : nothing, onDurable }
}

/** A held call goes on once, and is replaced once, also where two ask for it in one batch. */
function refuseSettledHold(
  { callId, author, resume }: Intent,
  loaded: Loaded,
): AirworthyError | undefined {
  if (resume !== undefined && !loaded.heldIds.has(callId)) {
    return new AirworthyError('hold.settled', 'the held call went on before')
  }
  if (author === undefined) return undefined
  const replaced = loaded.replaceable.get(author.replaces)
  if (replaced === undefined)
    return new AirworthyError('hold.settled', 'the hold was decided before')
  if (!replaced.isOver) return undefined
  return new AirworthyError('hold.expired', 'the hold expired before the edit')
}

function placeOutcomeItem(batch: Batch, item: OutcomeItem, loaded: Loaded): PlacedItem {
  const { callId } = item.outcome
  const call = batch.openCalls.get(callId) ?? loaded.calls.get(callId)
  if (call === undefined) {
    const error = new AirworthyError('call.unknown', `call ${callId} is settled already`)
    return { onLocked: nothing, onDurable: () => item.durable.reject(error) }
  }
  const settled = placeOutcome(batch, call, item.outcome)
  loaded.calls.delete(callId)
  return { onLocked: nothing, onDurable: () => item.durable.resolve(settled) }
}

function nothing(): void {
  // Most calls have nothing to do before their batch is durable.
}
