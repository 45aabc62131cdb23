// What a manifest may say of a model's cache. Without it nothing of the model is ever cached.
import { z } from 'zod'
import { lexicalThreshold } from '../cache/likeness.ts'
import { integer, matching, modelName, object, oneOf } from './schema-parts.ts'

const ttlSecondsMax = 30 * 86_400
const entriesMax = 200_000
const bytesMax = 1024 * 1024 * 1024

const share = matching(
  /^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$/,
  'a share from 0 to 1 such as "0.005"',
  8,
)

const semantic = object(
  {
    embeddings: modelName
      .optional()
      .describe('A model of this manifest that speaks embeddings. Default: words and letters.'),
    threshold: share
      .optional()
      .describe(
        `The least cosine of two texts. Default: "${lexicalThreshold}", "0.9" with a model.`,
      ),
    unmatchedWords: oneOf(['refuse', 'allow'])
      .default('refuse')
      .describe(
        'Whether a word that only one of the texts has, and no veto knows, lets them pass.',
      ),
    falseHitRateMax: share
      .default('0.005')
      .describe('The cache answers only while the rate of false hits is surely below this.'),
    goLive: oneOf(['operator', 'automatic'])
      .default('operator')
      .describe('Who lets it answer once the evidence is enough.'),
    sample: share
      .default('0.02')
      .describe('The share of hits that are asked for real, too, to go on measuring.'),
  },
  'an object with embeddings, threshold, unmatchedWords, falseHitRateMax, goLive and sample',
).describe('Answers questions that say the same in other words; begins in shadow.')

export const cache = object(
  {
    ttlSeconds: integer(1, ttlSecondsMax).default(3600).describe('For how long a reply is given.'),
    entriesMax: integer(1, entriesMax)
      .default(10_000)
      .describe('Of the agent; the least recently used go first.'),
    bytesMax: integer(1024, bytesMax).default(64 * 1024 * 1024),
    shared: z
      .boolean({ error: 'true or false' })
      .default(false)
      .describe('Whether users of the agent get each other’s answers.'),
    semantic: semantic.optional(),
  },
  'an object with ttlSeconds, entriesMax, bytesMax, shared and semantic',
).describe('Gives a reply again where nothing would be different. Default: no cache.')

export type CompiledCache = {
  readonly ttlMs: number
  readonly entriesMax: number
  readonly bytesMax: number
  readonly shared: boolean
  readonly semantic: CompiledSemanticCache | undefined
}

export type CompiledSemanticCache = {
  /** Names the model of the pact that embeds; undefined for the offline embedding. */
  readonly embeddings: string | undefined
  readonly threshold: number
  readonly unmatchedWords: 'refuse' | 'allow'
  readonly falseHitRateMax: number
  readonly goLive: 'operator' | 'automatic'
  readonly sample: number
  /** Evidence counts for caches of the same make only. */
  readonly make: string
}

const modelThreshold = 0.9
/** Changes when texts are read or embedded in another way. */
const reading = 'r2'

export function compileCache(
  manifest: z.output<typeof cache> | undefined,
): CompiledCache | undefined {
  if (manifest === undefined) return undefined
  const { ttlSeconds, semantic: given, ...rest } = manifest
  return { ...rest, ttlMs: ttlSeconds * 1000, semantic: given && compileSemantic(given) }
}

function compileSemantic(given: z.output<typeof semantic>): CompiledSemanticCache {
  const { embeddings, unmatchedWords, goLive } = given
  const isLexical = embeddings === undefined
  const threshold = Number(given.threshold ?? (isLexical ? lexicalThreshold : modelThreshold))
  return {
    embeddings,
    threshold,
    unmatchedWords,
    goLive,
    falseHitRateMax: Number(given.falseHitRateMax),
    sample: Number(given.sample),
    make: [reading, embeddings ?? 'lexical', threshold, unmatchedWords].join(' '),
  }
}
