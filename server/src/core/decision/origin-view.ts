// `origin` as a rule reads it: `origin.to` is the list of everything that the argument `to` may have
// come from. An argument that a call does not give has no origin, and asking for it denies.
import type { Environment } from '@marcbachmann/cel-js'
import type { JsonSchemaObject } from '../pact/compiled.ts'
import type { OriginsByArgument, ReadOrigins } from '../taint/taint.ts'
import { schemaProperties } from './argument-types.ts'

// oxlint-disable-next-line typescript/no-extraneous-class -- the class is what tells types apart
class OriginsView {
  constructor(origins: OriginsByArgument) {
    Object.assign(this, origins)
  }
}

/** Declares `origin` of one tool in an environment; the names are those of its arguments. */
export function declareOrigins(environment: Environment, inputSchema: JsonSchemaObject): void {
  const names = [...(schemaProperties(inputSchema)?.keys() ?? [])]
  const fields = Object.fromEntries(names.map((name) => [name, 'list<string>']))
  environment
    .registerType('Origins', { ctor: OriginsView, fields })
    .registerVariable('origin', 'Origins')
}

/** Hands on the origins of the arguments that conditions ask for, and no others. */
export function originReader(names: readonly string[]): ReadOrigins {
  return (origins = {}) =>
    new OriginsView(
      Object.fromEntries(
        names.flatMap((name) => {
          const found = Object.hasOwn(origins, name) ? origins[name] : undefined
          return found === undefined ? [] : [[name, found]]
        }),
      ),
    )
}
