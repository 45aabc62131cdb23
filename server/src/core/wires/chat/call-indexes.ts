// Which tool call of a streamed chat completion a fragment belongs to. OpenAI numbers them; some
// compatible providers leave the number out, or give every parallel call the same one.
import { countMember, member, textMember } from '../read-json.ts'

export class CallIndexes {
  /** By index: the id that the call was opened with. */
  readonly #ids: (string | undefined)[] = []
  /** Where the calls that a provider numbers alike have gone: its number to ours. */
  readonly #moved = new Map<number, number>()
  #last = 0

  /**
   * The index of the call that a fragment of `delta.tool_calls` belongs to. A fragment with a name,
   * and with no index or an id of its own, begins a call; one that says neither goes on with the
   * last.
   */
  take(fragment: unknown): number {
    const told = countMember(fragment, 'index')
    const id = textMember(fragment, 'id')
    const begins = textMember(member(fragment, 'function'), 'name') !== undefined
    const index = this.#find(told, id, begins)
    this.#last = index
    if (begins && this.#ids[index] === undefined) this.#ids[index] = id
    if (told !== undefined && told !== index) this.#moved.set(told, index)
    return index
  }

  #find(told: number | undefined, id: string | undefined, begins: boolean): number {
    if (told === undefined) return begins ? this.#ids.length : this.#last
    const known = this.#ids[told]
    const isOther = begins && id !== undefined && known !== undefined && known !== id
    if (!isOther) return id === undefined || id === '' ? (this.#moved.get(told) ?? told) : told
    const at = this.#ids.indexOf(id)
    return at === -1 ? this.#ids.length : at
  }
}
