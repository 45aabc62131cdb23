import type { Requester } from './requester.ts'
import type { HoldLoad, PlantCanary, PlantedCanary } from './wire/hold-load.ts'

/** How approvals weigh on people. */
export function holdLoadOperations({ get, post }: Pick<Requester, 'get' | 'post'>) {
  return {
    getHoldLoad: (query: { days?: number } = {}) => get<HoldLoad>('/v1/holds/load', query),
    /** Makes a hold that should be refused, and behind which nothing can run. */
    plantCanary: (body: PlantCanary) => post<PlantedCanary>('/v1/holds/canary', body),
  }
}
