// Reads one JSON object of a request member by member. Who reads it says what becomes of each
// member; `end` refuses by name what is left, so that nothing is dropped in silence.
import { AirworthyError } from '../errors.ts'
import type { Pair } from './conversation.ts'

const apiNames = { chat: 'Chat Completions', responses: 'Responses', messages: 'Messages' } as const

/** `at` is the path of the member, such as `tools[2].function.strict`. */
export function untranslatable(pair: Pair, at: string, why = ''): AirworthyError {
  const [from, to] = [apiNames[pair.from], apiNames[pair.to]]
  const message = `\`${at}\` of a ${from} request cannot be translated to ${to}`
  return new AirworthyError('request.untranslatable', why === '' ? message : `${message}: ${why}`, {
    detail: { field: at, from: pair.from, to: pair.to },
  })
}

function invalid(at: string, what: string): AirworthyError {
  return new AirworthyError('request.invalid', `\`${at}\` must be ${what}`)
}

export class Fields {
  readonly pair: Pair
  readonly #at: string
  readonly #object: object
  readonly #read = new Set<string>()

  /** Throws `request.invalid` when the value is not a JSON object. */
  constructor(pair: Pair, value: unknown, at: string) {
    if (!isObject(value)) throw invalid(at === '' ? 'the body' : at, 'an object')
    this.pair = pair
    this.#at = at
    this.#object = value
  }

  /** The path of a member, or of the object itself. */
  at(name = ''): string {
    if (name === '') return this.#at
    return this.#at === '' ? name : `${this.#at}.${name}`
  }

  /** Null asks for nothing, as a member that is not there. */
  take(name: string): unknown {
    this.#read.add(name)
    if (!Object.hasOwn(this.#object, name)) return undefined
    return Reflect.get(this.#object, name) ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.take(name)
    if (value === undefined || typeof value === 'string') return value
    throw invalid(this.at(name), 'a text')
  }

  needText(name: string): string {
    const text = this.text(name)
    if (text === undefined) throw invalid(this.at(name), 'a text')
    return text
  }

  number(name: string): number | undefined {
    const value = this.take(name)
    if (value === undefined || typeof value === 'number') return value
    throw invalid(this.at(name), 'a number')
  }

  flag(name: string): boolean | undefined {
    const value = this.take(name)
    if (value === undefined || typeof value === 'boolean') return value
    throw invalid(this.at(name), 'true or false')
  }

  object(name: string): object | undefined {
    const value = this.take(name)
    if (value === undefined || isObject(value)) return value
    throw invalid(this.at(name), 'an object')
  }

  /** The fields of a member that is an object; undefined when it is not there. */
  fields(name: string): Fields | undefined {
    const value = this.take(name)
    return value === undefined ? undefined : new Fields(this.pair, value, this.at(name))
  }

  needFields(name: string): Fields {
    return this.fields(name) ?? new Fields(this.pair, undefined, this.at(name))
  }

  /** The members of a list that is there, each with its path. */
  list(name: string): { readonly value: unknown; readonly at: string }[] {
    const value = this.take(name)
    if (value === undefined) return []
    if (!Array.isArray(value)) throw invalid(this.at(name), 'a list')
    return value.map((member: unknown, index) => ({
      value: member,
      at: `${this.at(name)}[${index}]`,
    }))
  }

  /** A list of texts that is there. */
  texts(name: string): string[] {
    return this.list(name).map(({ value, at }) => {
      if (typeof value === 'string') return value
      throw invalid(at, 'a text')
    })
  }

  /** Left out: each stands on the list of hints in docs/guides/wires.md. */
  leaveOut(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name)
  }

  /** Accepts a member only where it asks for what would be done without it. */
  only(name: string, ...defaults: readonly unknown[]): void {
    const value = this.take(name)
    if (value === undefined || defaults.includes(value)) return
    if (Array.isArray(value) && value.length === 0) return
    if (isObject(value) && Object.keys(value).length === 0) return
    throw untranslatable(this.pair, this.at(name))
  }

  refuse(name: string, why = ''): AirworthyError {
    return untranslatable(this.pair, this.at(name), why)
  }

  /** Throws `request.untranslatable` for the first member that nobody read. */
  end(): void {
    for (const [name, value] of Object.entries(this.#object)) {
      if (!this.#read.has(name) && value !== null && value !== undefined) throw this.refuse(name)
    }
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
