// The list of models, in OpenAI's and in Anthropic's shape.
import type { FlavourName } from '../flavours.ts'

const names = ['fake-large', 'fake-small', 'fake-embedding']
const createdAtSeconds = 1_780_000_000

export function listModels(flavour: FlavourName): object {
  const data = names.map((name) => describeModel(flavour, name))
  if (flavour !== 'anthropic') return { object: 'list', data }
  return { data, has_more: false, first_id: names[0], last_id: names.at(-1) }
}

/** Any name is a model: drills enrol names of their own. */
export function describeModel(flavour: FlavourName, id: string): object {
  if (flavour !== 'anthropic') {
    const owned = flavour === 'openai' ? 'fake-provider' : flavour
    return { id, object: 'model', created: createdAtSeconds, owned_by: owned }
  }
  const createdAt = new Date(createdAtSeconds * 1000).toISOString()
  return { type: 'model', id, display_name: `Fake ${id}`, created_at: createdAt }
}
