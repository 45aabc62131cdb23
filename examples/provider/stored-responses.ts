// What the Responses wire keeps: for `previous_response_id`, for items that are referred to by their
// id, and for reading again.
import { listField, textField } from './json.ts'

export type Stored = { readonly tokens: number; readonly body: object }

const storedMax = 10_000

export class StoredResponses {
  readonly #byId = new Map<string, Stored>()
  readonly #items = new Map<string, unknown>()

  add(id: string, stored: Stored): void {
    const [oldest] = this.#byId.keys()
    if (this.#byId.size >= storedMax && oldest !== undefined) this.#byId.delete(oldest)
    this.#byId.set(id, stored)
    for (const item of listField(stored.body, 'output')) {
      const [first] = this.#items.keys()
      if (this.#items.size >= storedMax && first !== undefined) this.#items.delete(first)
      this.#items.set(textField(item, 'id') ?? '', item)
    }
  }

  findItem(id: string): unknown {
    return this.#items.get(id)
  }

  find(id: string): Stored | undefined {
    return this.#byId.get(id)
  }
}
