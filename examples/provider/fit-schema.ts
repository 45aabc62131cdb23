// A value that fits a JSON Schema, always the same one for the same seed.
import { digestOf } from './digest.ts'
import { field, isObject, listField, textField } from './json.ts'

const depthMax = 12

/** Follows local references; covers what structured outputs of the providers allow. */
export function fitSchema(schema: unknown, seed: string): unknown {
  return fit(schema, { root: schema, seed, path: '$', depth: 0 })
}

type Place = {
  readonly root: unknown
  readonly seed: string
  readonly path: string
  readonly depth: number
}

function fit(schema: unknown, place: Place): unknown {
  if (!isObject(schema) || place.depth > depthMax) return null
  const reference = textField(schema, '$ref')
  if (reference !== undefined) return fit(resolve(place.root, reference), deeper(place, ''))
  if ('const' in schema) return schema['const']
  const choices = listField(schema, 'enum')
  if (choices.length > 0) return choices[numberOf(place) % choices.length]
  const [first] = [...listField(schema, 'anyOf'), ...listField(schema, 'oneOf')]
  if (first !== undefined) return fit(first, deeper(place, ''))
  const parts = listField(schema, 'allOf')
  if (parts.length > 0) {
    return Object.assign({}, ...parts.map((part) => fit(part, deeper(place, ''))))
  }
  return fitType(schema, place)
}

function fitType(schema: object, place: Place): unknown {
  const type = field(schema, 'type')
  const first: unknown = Array.isArray(type) ? type[0] : type
  const kind = first ?? (field(schema, 'properties') === undefined ? 'string' : 'object')
  switch (typeof kind === 'string' ? kind : '') {
    case 'object':
      return fitObject(schema, place)
    case 'array': {
      const count = Math.max(1, Number(field(schema, 'minItems') ?? 1))
      const items = field(schema, 'items')
      return Array.from({ length: count }, (_, n) => fit(items, deeper(place, `[${n}]`)))
    }
    case 'integer':
    case 'number':
      return fitNumber(schema, place)
    case 'boolean':
      return numberOf(place) % 2 === 0
    case 'null':
      return null
    default:
      return fitText(schema, place)
  }
}

function fitObject(schema: object, place: Place): object {
  const properties = field(schema, 'properties')
  if (!isObject(properties)) return {}
  const entries = Object.entries(properties)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, fit(value, deeper(place, `.${name}`))]),
  )
}

function fitNumber(schema: object, place: Place): number {
  const least = Number(field(schema, 'minimum') ?? 0)
  const most = Number(field(schema, 'maximum') ?? least + 99)
  return least + (numberOf(place) % Math.max(1, Math.floor(most - least) + 1))
}

function fitText(schema: object, place: Place): string {
  switch (textField(schema, 'format') ?? '') {
    case 'date':
      return '2026-11-22'
    case 'date-time':
      return '2026-11-22T09:00:00Z'
    case 'email':
      return 'fake@example.com'
    case 'uri':
      return 'https://example.com/'
    case 'uuid':
      return '00000000-0000-4000-8000-000000000000'
    default: {
      const text = `fake ${place.path.split('.').at(-1) ?? ''}`
      const most = Number(field(schema, 'maxLength') ?? text.length)
      return text.slice(0, most).padEnd(Number(field(schema, 'minLength') ?? 0), '.')
    }
  }
}

function deeper(place: Place, step: string): Place {
  return { ...place, path: place.path + step, depth: place.depth + 1 }
}

function numberOf({ seed, path }: Place): number {
  return digestOf(seed, path).readUInt16BE(0)
}

function resolve(root: unknown, reference: string): unknown {
  const steps = reference.replace(/^#\/?/, '').split('/').filter(Boolean)
  return steps.reduce<unknown>(
    (value, step) => field(value, step.replaceAll('~1', '/').replaceAll('~0', '~')),
    root,
  )
}
