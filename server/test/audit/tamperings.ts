// The ways to tamper with a bundle. Each is one change to one part; a change may come to nothing, and
// is then drawn again.
import type { Draw } from './draw.ts'

type Tamper = (bundle: Buffer, draw: Draw) => Buffer

/** Of a line of this kind, one character becomes another. */
function character(kind: string): Tamper {
  return changeLine(kind, (line, draw) => {
    const at = draw(line.length)
    const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/="{}: '
    return line.slice(0, at) + (letters[draw(letters.length)] ?? 'x') + line.slice(at + 1)
  })
}

function changeLine(kind: string, change: (line: string, draw: Draw) => string): Tamper {
  return (bundle, draw) => {
    const lines = bundle.toString().split('\n')
    const places = lines.flatMap((line, at) => (line.startsWith(`{"${kind}":`) ? [at] : []))
    const at = places[draw(places.length)]
    if (at === undefined) throw new Error(`the bundle has no line "${kind}"`)
    lines[at] = change(lines[at] ?? '', draw)
    return Buffer.from(lines.join('\n'))
  }
}

function moveEntry(
  change: (lines: string[], places: readonly number[], draw: Draw) => void,
): Tamper {
  return (bundle, draw) => {
    const lines = bundle.toString().split('\n')
    const places = lines.flatMap((line, at) => (line.startsWith('{"entry":') ? [at] : []))
    change(lines, places, draw)
    return Buffer.from(lines.join('\n'))
  }
}

export const tamperings: ReadonlyMap<string, Tamper> = new Map([
  ['head', character('head')],
  ['policy', character('policy')],
  ['did history', character('did')],
  ['checkpoint', character('checkpoint')],
  ['tile hash', character('proof')],
  ['leaf', character('entry')],
  ['seal', character('seal')],
  [
    'a digit of a leaf',
    changeLine('entry', (line, draw) => {
      const digits = [...line.matchAll(/\d/g)].map((match) => match.index)
      const at = digits[draw(digits.length)] ?? 0
      return line.slice(0, at) + String(draw(10)) + line.slice(at + 1)
    }),
  ],
  [
    'a leaf left out',
    moveEntry((lines, places, draw) => void lines.splice(places[draw(places.length)] ?? 0, 1)),
  ],
  [
    'a leaf twice',
    moveEntry((lines, places, draw) => {
      const at = places[draw(places.length)] ?? 0
      lines.splice(at, 0, lines[at] ?? '')
    }),
  ],
  [
    'two leaves swapped',
    moveEntry((lines, places, draw) => {
      const one = places[draw(places.length)] ?? 0
      const other = places[draw(places.length)] ?? 0
      const [first = '', second = ''] = [lines[one], lines[other]]
      lines[one] = second
      lines[other] = first
    }),
  ],
  [
    'a line left out',
    (bundle, draw) => {
      const lines = bundle.toString().split('\n')
      lines.splice(draw(lines.length - 1), 1)
      return Buffer.from(lines.join('\n'))
    },
  ],
  ['cut off', (bundle, draw) => bundle.subarray(0, draw(bundle.length))],
  [
    'a bit anywhere',
    (bundle, draw) => {
      const changed = Buffer.from(bundle)
      const at = draw(changed.length)
      changed[at] = (changed[at] ?? 0) ^ (1 << draw(8))
      return changed
    },
  ],
])
