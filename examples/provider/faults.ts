// Which faults a request meets: those of the programme, drawn by the seed; those that the request
// asks for by the header `x-fake-fault` or behind the model's name: `fake!cut-stream:at=0.2!crlf`.
import { BadRequest } from './asked.ts'
import { drawOf } from './digest.ts'
import { type FaultName, type FaultOptions, faultTable, isFaultName } from './fault-table.ts'
import { countField, field, isObject, listField, textField } from './json.ts'
import { goodPlan, type Plan } from './plan.ts'

/** One line of a programme. What is left out fits every request. */
export type ProgrammedFault = {
  readonly name: FaultName
  /** 0 to 1. */
  readonly probability: number
  /** Only so often; undefined: always. */
  readonly times: number | undefined
  readonly at: string | undefined
  readonly model: string | undefined
  readonly stream: boolean | undefined
  readonly options: FaultOptions
}

export type Programme = { readonly seed: string; readonly faults: readonly ProgrammedFault[] }

export type Drawn = { readonly name: FaultName; readonly options: FaultOptions }

const faultsMax = 100
const optionMax = 1_000_000_000

/** Throws BadRequest. */
export function readProgramme(body: unknown): Programme {
  const faults = listField(body, 'faults')
  if (faults.length > faultsMax) throw new BadRequest(`more than ${faultsMax} faults`)
  const seed = textField(body, 'seed') ?? String(countField(body, 'seed') ?? 'seed')
  return { seed, faults: faults.map(readProgrammed) }
}

function readProgrammed(one: unknown): ProgrammedFault {
  const name = textField(one, 'name') ?? ''
  if (!isFaultName(name)) throw new BadRequest(`there is no fault called ${name}`)
  const probability = field(one, 'probability') ?? 1
  if (typeof probability !== 'number' || !(probability >= 0 && probability <= 1)) {
    throw new BadRequest('a probability is a number from 0 to 1')
  }
  const times = field(one, 'times')
  const stream = field(one, 'stream')
  const given = field(one, 'options') ?? {}
  if (!isObject(given)) throw new BadRequest('options are an object of numbers')
  return {
    name,
    probability,
    times: typeof times === 'number' ? times : undefined,
    at: textField(one, 'at'),
    model: textField(one, 'model'),
    stream: typeof stream === 'boolean' ? stream : undefined,
    options: checkOptions(name, given),
  }
}

function checkOptions(name: FaultName, given: Readonly<Record<string, unknown>>): FaultOptions {
  const { options } = faultTable[name]
  const checked: Record<string, number> = { ...options }
  for (const [option, value] of Object.entries(given)) {
    const isGood = typeof value === 'number' && value >= 0 && value <= optionMax
    if (!isGood || !Object.hasOwn(options, option)) {
      throw new BadRequest(`${name} has no option ${option}=${String(value)}`)
    }
    checked[option] = value
  }
  return checked
}

/** `name`, or `name:option=number,option=number`; several are parted by `!`. */
export function readNamedFaults(text: string): Drawn[] {
  return text
    .split('!')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', rest = ''] = part.trim().split(':')
      if (!isFaultName(name)) throw new BadRequest(`there is no fault called ${name}`)
      const pairs = rest === '' ? [] : rest.split(',').map((pair) => pair.split('='))
      const given = Object.fromEntries(pairs.map(([key = '', value]) => [key, Number(value)]))
      return { name, options: checkOptions(name, given) }
    })
}

/** A model's name and the faults behind it. */
export function splitModel(model: string): { model: string; named: string } {
  const at = model.indexOf('!')
  return at === -1 ? { model, named: '' } : { model: model.slice(0, at), named: model.slice(at) }
}

/** Draws for each request by its number; counts how often a fault with `times` came. */
export class FaultDrawer {
  #programme: Programme = { seed: 'seed', faults: [] }
  #came: number[] = []

  get programme(): Programme {
    return this.#programme
  }

  set(programme: Programme): void {
    this.#programme = programme
    this.#came = programme.faults.map(() => 0)
  }

  draw(request: { number: number; at: string; model: string; stream: boolean }): Drawn[] {
    const { seed, faults } = this.#programme
    return faults.flatMap((one, index) => {
      if (one.at !== undefined && one.at !== request.at) return []
      if (one.model !== undefined && one.model !== request.model) return []
      if (one.stream !== undefined && one.stream !== request.stream) return []
      if (one.times !== undefined && (this.#came[index] ?? 0) >= one.times) return []
      if (one.probability < 1 && drawOf(seed, request.number, index) >= one.probability) return []
      this.#came[index] = (this.#came[index] ?? 0) + 1
      return [{ name: one.name, options: one.options }]
    })
  }
}

export function planOf(drawn: readonly Drawn[], nowMs: number): Plan {
  if (drawn.length === 0) return goodPlan
  const faults = drawn.map(({ name }) => name)
  return drawn.reduce<Plan>(
    (plan, { name, options }) => faultTable[name].apply(plan, options, nowMs),
    { ...goodPlan, faults },
  )
}
