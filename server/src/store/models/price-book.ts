// What models cost, as this process knows it: the operators' overrides over a catalogue. It is read
// in memory; `refresh` looks every few seconds whether another replica changed an override.
import type { OrganisationId } from '../../core/ids.ts'
import type { PricedModel, PriceFound } from '../../core/pricing/lookup.ts'
import type { Database } from '../database.ts'
import { listPriceOverrides, type PriceOverride, priceRevision } from './price-overrides.ts'

type Catalogue = {
  readonly providerOf: (baseUrl: string) => string | undefined
  readonly find: (model: PricedModel, nowMs: number) => PriceFound
}

const dayMs = 86_400_000

export class PriceBook {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #catalogue: Catalogue
  readonly #now: () => number
  readonly #listeners: (() => void)[] = []
  #overrides: ReadonlyMap<string, PriceOverride> = new Map()
  #revision = ''

  constructor(options: {
    db: Database
    organisationId: OrganisationId
    catalogue: Catalogue
    now: () => number
  }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
    this.#catalogue = options.catalogue
    this.#now = options.now
  }

  /** An override; else what the catalogue says today. */
  readonly find = (model: PricedModel): PriceFound => {
    const provider = model.provider ?? this.#catalogue.providerOf(model.baseUrl)
    if (provider !== undefined) {
      const own = this.#overrides.get(keyOf(provider, model.upstreamModel))
      if (own !== undefined) {
        const from = `${provider}/${model.upstreamModel}`
        return { kind: 'found', list: own.list, source: 'override', from, edition: own.overrideId }
      }
    }
    return this.#catalogue.find(model, this.#now())
  }

  /** Called after a change: what was compiled with older prices is to be forgotten. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Reads the overrides where they changed. A new day counts as a change: list prices have dates. */
  async refresh(): Promise<void> {
    const day = Math.floor(this.#now() / dayMs)
    const revision = `${day}:${await priceRevision(this.#db, this.#organisationId)}`
    if (revision === this.#revision) return
    const overrides = await listPriceOverrides(this.#db, this.#organisationId)
    this.#overrides = new Map(overrides.map((one) => [keyOf(one.provider, one.model), one]))
    this.#revision = revision
    for (const listener of this.#listeners) listener()
  }
}

/** Names hold no NUL. */
function keyOf(provider: string, model: string): string {
  return `${provider}\0${model}`
}
