// A manifest in the body of a request.
import { text } from '../schemas.ts'

const manifestCharactersMax = 500_000

export const manifestSource = {
  manifest: text({ min: 1, max: manifestCharactersMax }).meta({
    description: 'The manifest, YAML or JSON, as it was written. See docs/manifest.schema.json.',
  }),
  file: text({ min: 1, max: 1_000 }).meta({
    description: 'Its name, for the place of problems.',
  }),
}
