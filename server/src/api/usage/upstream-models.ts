// What a provider calls the models of enrolled manifests.
import type { CompiledPact } from '../../core/pact/compiled.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { loadPact } from '../pacts.ts'

export type UpstreamModel = { readonly provider: string | undefined; readonly name: string }

type Used = { readonly pactId: string; readonly action: string; readonly endpoint: string | null }

/** Finds the upstream's name for what calls used; each pact is read once. */
export class UpstreamModels {
  readonly #context: Pick<ApiDependencies, 'db' | 'organisationId' | 'prices'>
  readonly #pacts = new Map<string, Promise<CompiledPact>>()

  constructor(context: Pick<ApiDependencies, 'db' | 'organisationId' | 'prices'>) {
    this.#context = context
  }

  /** The endpoint that answered; the first one of the model where that was not recorded. */
  async find({ pactId, action, endpoint }: Used): Promise<UpstreamModel> {
    const { db, organisationId, prices } = this.#context
    const pact = this.#pacts.get(pactId) ?? loadPact(db, organisationId, pactId)
    this.#pacts.set(pactId, pact)
    const endpoints = (await pact).models.get(action)?.endpoints ?? []
    const used = endpoints.find((one) => one.name === endpoint) ?? endpoints[0]
    if (used === undefined) return { provider: undefined, name: action }
    const provider = used.provider ?? prices.catalogue.providerOf(used.baseUrl)
    return { provider, name: used.upstreamModel }
  }
}
