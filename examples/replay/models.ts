// Which model a recording is of. The files do not say; the recorded cost of each call does, since
// no two of these models have the same prices.
import type { Recording } from './recording.ts'

/** Prices in US dollars for a million tokens, as they stand in a manifest. */
export type RecordedModel = {
  readonly name: string
  readonly input: string
  readonly cachedInput: string
  readonly output: string
}

const models: readonly [RecordedModel, ...RecordedModel[]] = [
  { name: 'gpt-4.1-mini', input: '0.40', cachedInput: '0.10', output: '1.60' },
  { name: 'gpt-4.1', input: '2.00', cachedInput: '0.50', output: '8.00' },
  { name: 'gpt-5-mini', input: '0.25', cachedInput: '0.025', output: '2.00' },
  { name: 'gpt-5-nano', input: '0.05', cachedInput: '0.005', output: '0.40' },
  { name: 'gemini-3-flash-preview', input: '0.50', cachedInput: '0.05', output: '3.00' },
]

/** The model whose prices give the recorded cost of every call; the first where none does. */
export function modelOf(recording: Recording): RecordedModel {
  const turns = recording.runs.flatMap((run) => run.turns)
  const fitting = models.find((model) => {
    const [input, cachedInput, output] = [model.input, model.cachedInput, model.output].map(
      nanoUsdPerToken,
    )
    if (input === undefined || cachedInput === undefined || output === undefined) return false
    return turns.every(({ usage, costNanoUsd }) => {
      const cached = usage.prompt_tokens_details?.cached_tokens ?? 0
      const prompt = (usage.prompt_tokens - cached) * input + cached * cachedInput
      return BigInt(prompt + usage.completion_tokens * output) === costNanoUsd
    })
  })
  return fitting ?? models[0]
}

function nanoUsdPerToken(usdPerMillion: string): number {
  return Math.round(Number(usdPerMillion) * 1000)
}

/** Puts a model in the place of the first one of a manifest. */
export function withModel(manifest: string, model: RecordedModel): string {
  return manifest
    .replace(/^( {2}- name: ).+/mu, `$1${model.name}`)
    .replace(/^( +inputPerMillionUsd: ).+/mu, `$1'${model.input}'`)
    .replace(/^( +cachedInputPerMillionUsd: ).+/mu, `$1'${model.cachedInput}'`)
    .replace(/^( +outputPerMillionUsd: ).+/mu, `$1'${model.output}'`)
}
