// GET /v1/prices/check
import type {
  CheckedOverride,
  CheckedPrice,
  PriceCheck,
  PriceDifference,
  PriceState,
} from '@airworthy/sdk'
import { z } from 'zod'
import type { CompiledEndpoint } from '../../core/pact/compiled.ts'
import { comparePrices } from '../../core/pricing/compare.ts'
import { compilePriceList } from '../../core/pricing/price-list.ts'
import type { Prices } from '../../core/pricing/prices.ts'
import { listPriceOverrides, type PriceOverride } from '../../store/models/price-overrides.ts'
import { listAgents } from '../../store/agents.ts'
import { type Context, defineOperation } from '../operation.ts'
import { loadPact } from '../pacts.ts'
import { time } from '../schemas.ts'
import { catalogueInfo, presentCatalogue } from './price.ts'

const agentsMax = 1_000

const difference: z.ZodType<PriceDifference> = z.object({
  price: z.string(),
  used: z.string().nullable(),
  catalogue: z.string().nullable(),
})

const model: z.ZodType<CheckedPrice> = z.object({
  agent: z.string(),
  model: z.string(),
  endpoint: z.string(),
  provider: z.string().nullable(),
  upstreamModel: z.string(),
  source: z.enum(['manifest', 'override', 'catalogue', 'free', 'flat']).nullable(),
  hash: z.string().nullable(),
  state: z.enum(['same', 'differs', 'not_listed', 'free', 'flat', 'unknown']),
  differences: z.array(difference),
})

const override: z.ZodType<CheckedOverride> = z.object({
  provider: z.string(),
  model: z.string(),
  setAt: time,
  state: z.enum(['same', 'differs', 'not_listed']),
  uses: z.number(),
  differences: z.array(difference),
})

const reply: z.ZodType<PriceCheck> = z
  .object({
    catalogue: catalogueInfo,
    models: z.array(model),
    overrides: z.array(override),
  })
  .meta({ id: 'PriceCheck' })

export const checkPrices = defineOperation({
  id: 'check-prices',
  method: 'GET',
  path: '/v1/prices/check',
  summary: 'Compare the prices of enrolled manifests, and the overrides, with the catalogue',
  roles: ['operator', 'auditor'],
  reply,
  errors: [],
  run: async (context) => {
    const { db, organisationId } = context
    const agents = await listAgents(db, organisationId, { after: undefined, limit: agentsMax })
    const models: CheckedPrice[] = []
    for (const agent of agents) {
      models.push(...(await checkAgent(context, agent.name, agent.pact.pactId)))
    }
    const overrides = await listPriceOverrides(db, organisationId)
    return {
      catalogue: presentCatalogue(context),
      models,
      overrides: overrides.map((one) => checkOverride(context, one, models)),
    }
  },
})

async function checkAgent(
  context: Context,
  agent: string,
  pactId: string,
): Promise<CheckedPrice[]> {
  const { db, organisationId, prices } = context
  const pact = await loadPact(db, organisationId, pactId, prices.book.find)
  return [...pact.models.values()].flatMap((compiled) =>
    compiled.endpoints.map((endpoint) => {
      const provider = endpoint.provider ?? prices.catalogue.providerOf(endpoint.baseUrl)
      return checkEndpoint(context, { agent, model: compiled.name, endpoint, provider })
    }),
  )
}

function checkEndpoint(
  { prices: { catalogue } }: Context,
  of: {
    readonly agent: string
    readonly model: string
    readonly endpoint: CompiledEndpoint
    readonly provider: string | undefined
  },
): CheckedPrice {
  const { agent, model: name, endpoint, provider } = of
  const { upstreamModel, prices: used, baseUrl, wire } = endpoint
  const found = catalogue.find({ provider, baseUrl, upstreamModel }, Date.now())
  const listed =
    found.kind === 'found' ? compilePriceList(found.list, { ...found, wire }) : undefined
  return {
    agent,
    model: name,
    endpoint: endpoint.name,
    provider: provider ?? null,
    upstreamModel,
    source: used?.source ?? null,
    hash: used?.hash ?? null,
    ...compared(used, listed),
  }
}

function compared(
  used: Prices | undefined,
  listed: Prices | undefined,
): { readonly state: PriceState; readonly differences: PriceDifference[] } {
  if (used === undefined) return { state: 'unknown', differences: [] }
  if (used.source === 'free' || used.source === 'flat') {
    return { state: used.source, differences: [] }
  }
  return { ...comparedOverride(used, listed) }
}

function comparedOverride(
  used: Prices,
  listed: Prices | undefined,
): { readonly state: CheckedOverride['state']; readonly differences: PriceDifference[] } {
  if (listed === undefined) return { state: 'not_listed', differences: [] }
  const differences = comparePrices(used, listed)
  return { state: differences.length === 0 ? 'same' : 'differs', differences }
}

function checkOverride(
  { prices: { catalogue } }: Context,
  one: PriceOverride,
  models: readonly CheckedPrice[],
): CheckedOverride {
  const { provider, model: upstreamModel, list, setAt } = one
  const found = catalogue.find({ provider, baseUrl: '', upstreamModel }, Date.now())
  const wire = 'openai'
  const used = compilePriceList(list, { source: 'override', from: '', edition: '', wire })
  const listed =
    found.kind === 'found' ? compilePriceList(found.list, { ...found, wire }) : undefined
  const uses = models.filter(
    (priced) =>
      priced.source === 'override' &&
      priced.provider === provider &&
      priced.upstreamModel === upstreamModel,
  )
  return {
    provider,
    model: upstreamModel,
    setAt: setAt.toISOString(),
    uses: uses.length,
    ...comparedOverride(used, listed),
  }
}
