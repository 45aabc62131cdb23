// Checks arguments against the input schemas of tools, with the same settings everywhere.
import { Ajv, type ValidateFunction } from 'ajv'
import addFormatsModule from 'ajv-formats'

type JsonSchema = Readonly<Record<string, unknown>>

export type SchemaCheck = (value: unknown) => string | undefined

/**
 * One check a schema. Each answers what is wrong first, as a phrase without the value itself, or
 * undefined. Throws when a schema is none.
 */
export function compileSchemas(
  schemas: Readonly<Record<string, JsonSchema>>,
): ReadonlyMap<string, SchemaCheck> {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true })
  addFormatsModule.default(ajv)
  return new Map(
    Object.entries(schemas).map(([name, schema]) => {
      // Two schemas may carry the same `$id`; one validator must not then stand in for the other.
      const { $id: _id, $schema: _schema, ...rest } = schema
      return [name, describe(ajv.compile(rest))]
    }),
  )
}

function describe(validate: ValidateFunction): SchemaCheck {
  return (value) => {
    if (validate(value)) return undefined
    const [first] = validate.errors ?? []
    const place = first?.instancePath ?? ''
    const where = place === '' ? 'the arguments' : `arguments${place}`
    return `${where} ${first?.message ?? 'do not match the schema'}`
  }
}
