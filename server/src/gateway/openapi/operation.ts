// One operation of an API, ready to be called: the tool an agent sees, and how its arguments go on
// the wire.
import type { ListedTool } from '../tools/backend.ts'
import type { HttpRequest } from './exchange.ts'
import type { ParameterStyle } from './serialise.ts'

export type BoundParameter = ParameterStyle & {
  /** The tool's name for it: letters, digits, "_", "-" and ".". */
  readonly argument: string
  /** The API's name for it. */
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  /** Written as one JSON text. */
  readonly isJson: boolean
}

export type BoundBody = {
  /** The argument that holds it. */
  readonly argument: string
  readonly contentType: string
  readonly kind: 'json' | 'form' | 'text'
  /** Of a form: fields that the document gives a style. */
  readonly styles: Readonly<Record<string, ParameterStyle>>
}

export type Operation = {
  readonly method: HttpRequest['method']
  /** As the document writes it: `/orders/{order_id}`. */
  readonly path: string
  readonly parameters: readonly BoundParameter[]
  readonly body: BoundBody | undefined
  readonly tool: ListedTool
}
