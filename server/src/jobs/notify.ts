// Sends people what they should hear of: notices become deliveries, and deliveries are brought. Every
// gateway does it, each others; one channel that hangs keeps no other waiting.
import type { HoldCard } from '../core/approval/card.ts'
import { buildMessage } from '../core/channel/message.ts'
import { retryWaitMs } from '../core/channel/retry.ts'
import { plainText } from '../core/channel/plain-text.ts'
import type { OrganisationId } from '../core/ids.ts'
import { DeliveryFailure } from '../adapters/notifier/delivery-failure.ts'
import type { Notifier } from '../adapters/notifier/notifier.ts'
import { channelsMax, openTarget, type SecretVault } from '../store/channels/channels.ts'
import type { Database } from '../store/database.ts'
import {
  type AttemptEnd,
  claimDeliveries,
  type ClaimedDelivery,
  endAttempt,
  endOfRemoved,
  forgetDeliveries,
  isWorkOpen,
} from '../store/channels/deliveries.ts'
import { fanOutNotices } from '../store/channels/fan-out.ts'
import { forgetNotices } from '../store/channels/outbox.ts'
import type { Task } from './maintenance.ts'

const noticesOfPage = 100
const pagesOfTurn = 50
const channelSendingMax = 4
/** Each channel has its share: those that hang take none of another's. */
const sendingMax: number = channelsMax * channelSendingMax
const failureCharactersMax = 300
/** A gateway that stops must not count what it broke off. */
const afterStopMs = 1_000
const dayMs = 24 * 3600 * 1000
const forgottenOfPage = 1_000
const pagesForgotten = 50

export type NotifyOptions = {
  readonly db: Database
  readonly organisationId: OrganisationId
  readonly vault: SecretVault
  readonly notifier: Notifier
  readonly publicUrl: () => string
  /** Of a hold, as it is now. */
  readonly readCard: (holdId: string) => Promise<HoldCard | undefined>
  readonly random: () => number
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export class NotificationSender implements AsyncDisposable {
  readonly #options: NotifyOptions
  readonly #stopping = new AbortController()
  readonly #sending = new Map<string, { readonly channelId: string; readonly end: Promise<void> }>()
  #claiming: Promise<void> | undefined

  constructor(options: NotifyOptions) {
    this.#options = options
  }

  /** What is to run again and again. Messages go on being sent after a turn has ended. */
  tasks(): Task[] {
    const { db, organisationId } = this.#options
    return [
      { name: 'tell people', everyMs: 1000, run: () => this.turn() },
      {
        name: 'forget what people were told',
        everyMs: 600_000,
        run: async () => {
          const limit = forgottenOfPage
          const kept = { sentKeptMs: 30 * dayMs, deadKeptMs: 90 * dayMs }
          await inPages(() => forgetNotices(db, organisationId, { keptMs: 7 * dayMs, limit }))
          await inPages(() => forgetDeliveries(db, organisationId, { ...kept, limit }))
          // What a gateway left that died while it removed a channel.
          await inPages(() => endOfRemoved(db, organisationId, limit))
        },
      },
    ]
  }

  async turn(): Promise<void> {
    const { db, organisationId } = this.#options
    const open = await isWorkOpen(db, organisationId)
    for (let page = 0; open.notices && page < pagesOfTurn; page += 1) {
      if ((await fanOutNotices(db, organisationId, noticesOfPage)) < noticesOfPage) break
      // The first of many are sent while the rest are made.
      await this.#claim()
    }
    if (open.notices || open.deliveries) await this.#claim()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    // The turn or the message that claimed hears of a failure; what is on its way is waited for.
    await this.#claiming?.catch(() => undefined)
    await Promise.all([...this.#sending.values()].map(({ end }) => end))
  }

  /** One claim at a time: each counts what is under way. */
  #claim(): Promise<void> {
    this.#claiming ??= this.#claimNow().finally(() => {
      this.#claiming = undefined
    })
    return this.#claiming
  }

  async #claimNow(): Promise<void> {
    const limit = sendingMax - this.#sending.size
    if (limit <= 0 || this.#stopping.signal.aborted) return
    const busy = new Map<string, number>()
    for (const { channelId } of this.#sending.values()) {
      busy.set(channelId, (busy.get(channelId) ?? 0) + 1)
    }
    const { db, organisationId } = this.#options
    const claimed = await claimDeliveries(db, organisationId, {
      limit,
      channelMax: channelSendingMax,
      busy,
    })
    for (const delivery of claimed) {
      const { deliveryId, channelId } = delivery
      const end = this.#bring(delivery).finally(() => {
        this.#sending.delete(deliveryId)
        // Where more waits than is sent at once, it goes on as soon as there is room.
        if (!this.#stopping.signal.aborted) void this.#claim().catch(() => undefined)
      })
      this.#sending.set(deliveryId, { channelId, end })
    }
  }

  /** Never throws: what cannot be written now is tried again when the lease is over. */
  async #bring(delivery: ClaimedDelivery): Promise<void> {
    const { db, organisationId, log } = this.#options
    const { deliveryId, leaseId } = delivery
    const end = await this.#attempt(delivery)
    try {
      await endAttempt(db, organisationId, { deliveryId, leaseId, end })
    } catch (error) {
      log('it cannot be written that a message was sent: it is sent again', {
        delivery: deliveryId,
        error: String(error),
      })
      return
    }
    if (end.kind === 'failed' && end.retryInMs === undefined) {
      log('a message could not be brought', { delivery: deliveryId, failure: end.failure })
    }
  }

  async #attempt(delivery: ClaimedDelivery): Promise<AttemptEnd> {
    const { vault, notifier, publicUrl, readCard, random } = this.#options
    const { kind, subjectId, recipient, deliveryId, hidesAmount, attempts } = delivery
    const { signal } = this.#stopping
    try {
      const message = buildMessage(
        {
          kind,
          subject: subjectId,
          at: delivery.noticedAt,
          detail: fieldsOf(delivery.detail),
          hold: kind.startsWith('hold.') ? await readCard(subjectId) : undefined,
        },
        { hidesAmount, publicUrl: publicUrl() },
      )
      const target = openTarget(vault, delivery)
      await notifier.send({ target, recipient, deliveryId, threadId: subjectId, message, signal })
      return { kind: 'sent' }
    } catch (thrown) {
      if (signal.aborted) {
        const failure = 'the gateway stopped'
        return { kind: 'failed', failure, retryInMs: afterStopMs, isUncounted: true }
      }
      const { message, isPermanent, retryAfterMs } = this.#failureOf(deliveryId, thrown)
      const retryInMs = isPermanent ? undefined : retryWaitMs(attempts, random(), retryAfterMs)
      return { kind: 'failed', failure: plainText(message, failureCharactersMax), retryInMs }
    }
  }

  /** What is no answer of a receiver may hold what operators should not read: it is logged only. */
  #failureOf(deliveryId: string, thrown: unknown): DeliveryFailure {
    if (thrown instanceof DeliveryFailure) return thrown
    this.#options.log('a message could not be made', {
      delivery: deliveryId,
      error: String(thrown),
    })
    return new DeliveryFailure("the message could not be made: the server's log says why")
  }
}

/** Until a page is not full, and no further than a turn goes. */
async function inPages(work: () => Promise<number>): Promise<void> {
  for (let page = 0; page < pagesForgotten; page += 1) {
    if ((await work()) < forgottenOfPage) return
  }
}

function fieldsOf(detail: unknown): Readonly<Record<string, unknown>> {
  return typeof detail === 'object' && detail !== null
    ? Object.fromEntries(Object.entries(detail))
    : {}
}
