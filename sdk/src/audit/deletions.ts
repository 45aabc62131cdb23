// What the entries of a log say of other shards that were deleted: each is announced by one entry, and
// another one says that it is done.
import { AuditFault } from './fault.ts'
import type { DeletedShard } from './report.ts'

const typeAnnounced = 'log.shard_deleting'
const typeDone = 'log.shard_deleted'
const shardsMax = 1_000

export class ShardDeletions {
  readonly #shards = new Map<string, DeletedShard>()
  readonly #log: string

  /** `log` is the id of the log that is read. */
  constructor(log: string) {
    this.#log = log
  }

  /** Hears of every entry. Throws where one contradicts another. */
  add(heard: {
    readonly index: number
    readonly type: string
    readonly at: string
    readonly entry: string
  }): void {
    const { index, type, at } = heard
    if (type !== typeAnnounced && type !== typeDone) return
    const { announced, ...named } = readBody(index, heard.entry)
    const own = `${this.#log}:${index}`
    const before = this.#shards.get(named.log)
    const isSame =
      before === undefined ||
      (before.size === named.size &&
        before.root === named.root &&
        (type === typeAnnounced || before.announcedBy === announced) &&
        before.checkpoint === named.checkpoint)
    if (!isSame)
      throw new AuditFault('deletions', `entry ${index}: another end of log ${named.log}`)
    if (before === undefined && this.#shards.size >= shardsMax) return
    this.#shards.set(named.log, {
      ...named,
      announcedBy: type === typeAnnounced ? own : announced,
      deletedAt: type === typeDone ? at : before?.deletedAt,
    })
  }

  list(): DeletedShard[] {
    return [...this.#shards.values()]
  }
}

function readBody(index: number, entry: string) {
  const parsed: unknown = JSON.parse(entry)
  const body = fieldsOf(fieldsOf(parsed).get('body'))
  const [log, size, root, checkpoint, announced = ''] = [
    'log',
    'size',
    'root',
    'checkpoint',
    'announced',
  ].map((name) => body.get(name))
  const isRead =
    typeof log === 'string' &&
    typeof size === 'number' &&
    typeof root === 'string' &&
    typeof checkpoint === 'string' &&
    typeof announced === 'string'
  if (!isRead) throw new AuditFault('entries', `entry ${index} is no deletion of a shard`)
  return { log, size, root, checkpoint, announced }
}

function fieldsOf(value: unknown): Map<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : [])
}

/** One sentence for people. */
export function describeDeletion(shard: DeletedShard): string {
  const { log, size, announcedBy, deletedAt } = shard
  const when = deletedAt === undefined ? 'to be deleted' : `deleted on ${deletedAt.slice(0, 10)}`
  return `log ${log} of ${size} entries: ${when}, announced by entry ${announcedBy}`
}
