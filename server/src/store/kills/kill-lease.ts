// The gateway's own connection for its lease: it renews, reads the kills in force, and is woken by
// new ones. One statement at a time, each bounded; a connection that does not answer is given up.
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { reasonSaltBytes } from '../../core/audit/reason.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { ActiveKill } from '../../core/kill/kill.ts'
import { leaseMs, renewTimeoutMs } from '../../core/kill/lease.ts'
import { killChannel } from './kills.ts'
import { parseKills } from '../recorder/kills.ts'

const connectTimeoutMs = 1500
const restoredReason = 'the database had lost this kill, and a gateway had not'

export type KillsNow = {
  readonly epoch: bigint
  /** In force; drills are among them where they are newer than what was known. */
  readonly kills: readonly ActiveKill[]
}

export type Ack = { readonly killId: string; readonly cut: number }

export class KillLease {
  readonly #client: Client
  readonly #organisationId: OrganisationId
  readonly #gatewayId: string
  readonly #name: string

  private constructor(client: Client, options: KillLeaseOptions) {
    this.#client = client
    this.#organisationId = options.organisationId
    this.#gatewayId = options.gatewayId
    this.#name = options.name
  }

  /** Connects. `onLost` is called once, `onWoken` with every kill and resume. Rejects without it. */
  static async connect(options: KillLeaseOptions): Promise<KillLease> {
    const client = new Client({
      connectionString: options.databaseUrl,
      application_name: 'airworthy kill switch',
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: renewTimeoutMs,
      query_timeout: renewTimeoutMs,
      keepAlive: true,
    })
    let isLost = false
    const onLost = (): void => {
      if (isLost) return
      isLost = true
      options.onLost()
    }
    client.on('error', onLost)
    client.on('end', onLost)
    client.on('notification', ({ payload }) => {
      if (payload !== undefined && /^\d{1,18}$/.test(payload)) options.onWoken(BigInt(payload))
    })
    try {
      await client.connect()
      await client.query(`LISTEN ${killChannel}`)
      await client.query(
        `INSERT INTO airworthy.kill_epochs (organisation_id) VALUES ($1) ON CONFLICT DO NOTHING`,
        [options.organisationId],
      )
    } catch (thrown) {
      isLost = true
      client.end().catch(() => undefined)
      throw thrown
    }
    return new KillLease(client, options)
  }

  /**
   * Renews the lease for this epoch, and confirms it with what was done about its kills. False where
   * the epoch has moved on: then nothing is renewed, and the kills must be read first.
   */
  async renew(epoch: bigint, acks: readonly Ack[]): Promise<boolean> {
    const { rows } = await this.#client.query<{ granted: boolean }>({
      ...renewal,
      values: [
        this.#organisationId,
        epoch.toString(),
        this.#gatewayId,
        this.#name,
        leaseMs,
        acks.map((ack) => ack.killId),
        acks.map((ack) => ack.cut),
      ],
    })
    return rows[0]?.granted === true
  }

  /**
   * Puts in force again what the database has lost: kills that were applied here and that it does
   * not know at all, as after a failover without its last commits or a restored backup. They freeze:
   * what was taken back meanwhile, a person must see. `epoch`: the newest that was applied here.
   */
  async restore(kills: readonly ActiveKill[], epoch: bigint): Promise<void> {
    if (kills.length === 0) return
    await this.#client.query(restoring, [
      this.#organisationId,
      epoch.toString(),
      kills.map((kill) => kill.killId),
      kills.map((kill) => kill.scope.kind),
      kills.map((kill) => kill.scope.id),
      kills.map(() => randomBytes(reasonSaltBytes)),
      restoredReason,
      killChannel,
    ])
  }

  /** What is in force now, with the epoch that it belongs to. `since`: the epoch that is known. */
  async load(since: bigint | undefined): Promise<KillsNow> {
    const { rows } = await this.#client.query<{ epoch: string; kills: unknown }>({
      ...loading,
      values: [this.#organisationId, since?.toString() ?? null],
    })
    const row = rows[0]
    if (row === undefined) throw new Error('the organisation has no fence')
    return { epoch: BigInt(row.epoch), kills: parseKills(row.kills) }
  }

  /** The gateway stops in order: its lease ends now, and no kill waits for it. */
  async end(): Promise<void> {
    await this.#client
      .query(
        `UPDATE airworthy.gateways SET lease_until = least(lease_until, clock_timestamp())
        WHERE organisation_id = $1 AND gateway_id = $2`,
        [this.#organisationId, this.#gatewayId],
      )
      .catch(() => undefined)
    await this.close()
  }

  async close(): Promise<void> {
    this.#client.removeAllListeners('notification')
    // It may hang for as long as the network does.
    const ended = this.#client.end().catch(() => undefined)
    const late = new Promise((resolve) => setTimeout(resolve, connectTimeoutMs).unref())
    await Promise.race([ended, late])
  }
}

export type KillLeaseOptions = {
  readonly databaseUrl: string
  readonly organisationId: OrganisationId
  readonly gatewayId: string
  /** For people: which process it is. */
  readonly name: string
  readonly onLost: () => void
  /** Hears the epoch of a kill or a resume. */
  readonly onWoken: (epoch: bigint) => void
}

// The fence comes first. A kill that is being committed is waited for, and its epoch seen: so no
// lease is renewed for an old epoch after the kill, and none is longer than from here on.
const renewal = {
  name: 'airworthy-renew',
  text: `WITH fence AS MATERIALIZED (
      SELECT epoch FROM airworthy.kill_epochs WHERE organisation_id = $1 FOR SHARE
    ), held AS (
      INSERT INTO airworthy.gateways AS g
        (organisation_id, gateway_id, name, confirmed_epoch, lease_until)
      SELECT $1, $3::uuid, $4, fence.epoch,
        clock_timestamp() + make_interval(secs => $5::float8 / 1000)
      FROM fence WHERE fence.epoch = $2::bigint
      ON CONFLICT (organisation_id, gateway_id) DO UPDATE
        SET confirmed_epoch = excluded.confirmed_epoch, lease_until = excluded.lease_until
      RETURNING 1
    ), acked AS (
      INSERT INTO airworthy.kill_acks (organisation_id, kill_id, gateway_id, confirmed_at, cut)
      SELECT $1, a.kill_id, $3::uuid, clock_timestamp(), a.cut
      FROM unnest($6::uuid[], $7::int[]) AS a(kill_id, cut)
        -- One that the database has lost is not to keep the lease from being renewed.
        JOIN airworthy.kills k ON k.organisation_id = $1 AND k.kill_id = a.kill_id, fence
      WHERE fence.epoch = $2::bigint
      ON CONFLICT DO NOTHING
    ) SELECT EXISTS (SELECT FROM held) AS granted`,
}

// One snapshot: the kills are those of the epoch, no fewer and no more.
const loading = {
  name: 'airworthy-kills',
  text: `SELECT e.epoch, (SELECT json_agg(json_build_object('killId', k.kill_id,
        'epoch', k.epoch::text, 'kind', k.scope_kind, 'id', k.scope_id, 'mode', k.mode)
        ORDER BY k.epoch)
      FROM airworthy.kills k WHERE k.organisation_id = $1 AND k.resumed_at IS NULL
        AND (k.mode <> 'drill' OR k.epoch > $2::bigint)) AS kills
    FROM airworthy.kill_epochs e WHERE e.organisation_id = $1`,
}

// Several gateways may come with the same kills: the row of the fence orders them.
const restoring = `WITH lost AS (
    SELECT l.*, row_number() OVER () AS place
    FROM unnest($3::uuid[], $4::text[], $5::text[], $6::bytea[]) AS l(kill_id, kind, id, salt)
    WHERE NOT EXISTS (SELECT FROM airworthy.kills k
      WHERE k.organisation_id = $1 AND k.kill_id = l.kill_id)
  ), fence AS (
    UPDATE airworthy.kill_epochs
    SET epoch = greatest(epoch, $2::bigint) + (SELECT count(*) FROM lost)
    WHERE organisation_id = $1 AND EXISTS (SELECT FROM lost) RETURNING epoch
  ), issued AS (
    INSERT INTO airworthy.kills (organisation_id, kill_id, epoch, scope_kind, scope_id, mode,
      reason, reason_salt, rule, issued_at)
    SELECT $1, kill_id, fence.epoch - lost.place + 1, kind, id, 'freeze', $7, salt, 'kill.restored',
      clock_timestamp()
    FROM lost, fence ON CONFLICT (organisation_id, kill_id) DO NOTHING
  ) SELECT pg_notify($8, epoch::text) FROM fence`
