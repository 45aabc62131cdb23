// Connections to HTTP APIs: a host is resolved here, and the very addresses that were checked are
// the ones that are connected to, so a name that resolves otherwise a moment later gains nothing.
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import { buildConnector, Pool } from 'undici'
import { AirworthyError } from '../../core/errors.ts'
import {
  type AddressPolicy,
  addressPolicy,
  isPublic,
  literalOf,
  type Reach,
} from '../../core/network/address-policy.ts'

export type ResolveHost = (host: string) => Promise<readonly string[]>

const connectionsMax = 64
const connectTimeoutMs = 10_000
const poolsMax = 200
const addressesMax = 64

export class GuardedPools implements AsyncDisposable {
  readonly #pools = new Map<string, Pool>()
  readonly #resolve: ResolveHost

  constructor(options: { resolve?: ResolveHost } = {}) {
    this.#resolve = options.resolve ?? resolveHost
  }

  /** Throws `manifest.invalid` when `allowPrivate` cannot be read. */
  pool(origin: string, reach: Reach): Pool {
    const key = JSON.stringify([origin, reach])
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    if (this.#pools.size >= poolsMax) this.#closeOldest()
    const pool = new Pool(origin, {
      connections: connectionsMax,
      pipelining: 1,
      allowH2: false,
      connect: this.#connector(addressPolicy(reach)),
    })
    this.#pools.set(key, pool)
    return pool
  }

  /** Throws `upstream.address_forbidden`, or what the resolver threw. */
  async check(origin: string, reach: Reach): Promise<void> {
    const { hostname } = new URL(origin)
    const literal = literalOf(hostname)
    const policy = addressPolicy(reach)
    const addresses = literal === undefined ? await this.#resolve(hostname) : [literal]
    checkAddresses(policy, hostname, addresses)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy()))
  }

  #closeOldest(): void {
    const [oldest] = this.#pools
    if (oldest === undefined) return
    this.#pools.delete(oldest[0])
    void oldest[1].close().catch(() => undefined)
  }

  #connector(policy: AddressPolicy): buildConnector.connector {
    const checked = async (host: string): Promise<readonly LookupAddress[]> => {
      const addresses = await this.#resolve(host)
      checkAddresses(policy, host, addresses)
      return addresses.map((address) => ({ address, family: isIP(address) }))
    }
    const lookupChecked = lookupWith(checked)
    const connect = buildConnector({
      allowH2: false,
      timeout: connectTimeoutMs,
      lookup: lookupChecked,
    })
    return (options, callback) => {
      const { hostname } = options
      const literal = literalOf(hostname)
      // An address in the URL is not looked up, so nothing else would check it.
      if (literal !== undefined && !policy.permits(hostname, literal)) {
        callback(forbidden(hostname, literal), null)
        return
      }
      connect(options, (...[error, socket]) => {
        if (error !== null) {
          callback(error, null)
          return
        }
        const address = socket.remoteAddress ?? ''
        if (policy.permits(hostname, address)) {
          callback(null, socket)
          return
        }
        socket.destroy()
        callback(forbidden(hostname, address), null)
      })
    }
  }
}

async function resolveHost(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true })
  return found.slice(0, addressesMax).map(({ address }) => address)
}

/** One forbidden address among them is enough: a public name has no reason to have one. */
function checkAddresses(policy: AddressPolicy, host: string, addresses: readonly string[]): void {
  const [first] = addresses
  if (first === undefined) throw new Error(`${host} has no address`)
  const bad = addresses.find((address) => !policy.permits(host, address))
  if (bad !== undefined) throw forbidden(host, bad)
}

function forbidden(host: string, address: string): AirworthyError {
  const what = literalOf(host) === undefined ? `${host} is at ${address}, which` : address
  const message = isPublic(address)
    ? `${what} is public, and a secret goes there over https:// only`
    : `${what} is not a public address, and allowPrivate does not name it`
  return new AirworthyError('upstream.address_forbidden', message)
}

/** `node:net` asks with a callback, and for all addresses or for one. */
function lookupWith(resolve: (host: string) => Promise<readonly LookupAddress[]>): LookupFunction {
  const ask = callbackify(resolve)
  return (host, options, callback) => {
    ask(host, (error, found) => {
      const [first] = found ?? []
      if (error !== null || first === undefined) callback(error ?? new Error('no address'), [])
      else if (options.all === true) callback(null, [...found])
      else callback(null, first.address, first.family)
    })
  }
}
