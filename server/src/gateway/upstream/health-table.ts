// The health of every place that this process has sent model calls to, or could in its models'
// pools. Bounded: what nobody uses is forgotten.
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import { EndpointHealth } from './endpoint-health.ts'

const placesMax = 1000
const forgottenAfterMs = 3_600_000
const usesMax = 20

export type Place = {
  readonly health: EndpointHealth
  /** As `model/endpoint`, at most some. */
  readonly uses: Set<string>
  /** How the place was last declared. */
  endpoint: CompiledEndpoint
  /** When the next active check is due, where the endpoint has one. */
  checkDueMs: number
  /** What the last active check found. */
  check: { readonly path: string; readonly isUp: boolean; readonly atMs: number } | undefined
}

export class HealthTable {
  readonly #now: () => number
  readonly #places = new Map<string, Place>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** The health of an endpoint's place; it is kept for as long as this is called now and then. */
  use(endpoint: CompiledEndpoint, model: string): EndpointHealth {
    const { upstream, search } = placeOf(endpoint.baseUrl)
    const id = `${upstream}${search} ${endpoint.upstreamModel}`
    const place = this.#places.get(id) ?? this.#add(id, endpoint, upstream)
    place.health.lastUsedMs = this.#now()
    place.endpoint = endpoint
    if (place.uses.size < usesMax) place.uses.add(`${model}/${endpoint.name}`)
    return place.health
  }

  /** Every place, the one that was added first before all others. */
  places(): readonly Place[] {
    this.#forgetUnused()
    return [...this.#places.values()]
  }

  #add(id: string, endpoint: CompiledEndpoint, upstream: string): Place {
    if (this.#places.size >= placesMax) this.#makeRoom()
    const { upstreamModel } = endpoint
    const health = new EndpointHealth({ upstream, upstreamModel }, this.#now())
    const uses = new Set<string>()
    const place: Place = { health, uses, endpoint, checkDueMs: this.#now(), check: undefined }
    this.#places.set(id, place)
    return place
  }

  #forgetUnused(): void {
    const unusedSinceMs = this.#now() - forgottenAfterMs
    for (const [id, { health }] of this.#places) {
      if (health.inFlight === 0 && health.lastUsedMs < unusedSinceMs) this.#places.delete(id)
    }
  }

  #makeRoom(): void {
    this.#forgetUnused()
    if (this.#places.size < placesMax) return
    const [[oldest] = []] = [...this.#places].toSorted(
      ([, a], [, b]) => a.health.lastUsedMs - b.health.lastUsedMs,
    )
    if (oldest !== undefined) this.#places.delete(oldest)
  }
}

function placeOf(baseUrl: string): { upstream: string; search: string } {
  const { origin, pathname, search } = new URL(baseUrl)
  return { upstream: `${origin}${pathname.replace(/\/$/, '')}`, search }
}
