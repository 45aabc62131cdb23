// Wires the channels by which people are told.
import { createNotifier } from '../adapters/notifier/notifier.ts'
import type { ApiDependencies } from '../api/api.ts'
import type { Config } from '../config.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { startMaintenance } from '../jobs/maintenance.ts'
import { NotificationSender } from '../jobs/notify.ts'
import { readCard } from '../store/holds/hold-card.ts'

export type Channels = {
  readonly commands: ApiDependencies['channels']
  /** Begins to send; `starting` ends it. Call it when it is known where the server is reached. */
  readonly start: (starting: AsyncDisposableStack) => void
}

export function createChannels(options: {
  readonly config: Config
  readonly gateway: Gateway
  readonly publicUrl: () => string
}): Channels {
  const { config, gateway, publicUrl } = options
  const { db, organisationId, vault, log } = gateway
  const { channelPrivate: allowPrivate, secretOf } = config
  const notifier = createNotifier({ allowPrivate, secretOf })
  return {
    commands: { notifier, vault },
    start: (starting) => {
      const sender = new NotificationSender({
        db,
        organisationId,
        vault,
        notifier,
        publicUrl,
        readCard: (holdId) => readCard(db, organisationId, holdId),
        random: Math.random,
        log,
      })
      starting.use(sender)
      starting.use(startMaintenance({ tasks: sender.tasks(), log }))
    },
  }
}
