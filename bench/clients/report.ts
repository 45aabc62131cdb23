// The matrix as a table for a terminal and as the page that is kept in the docs.
import { readFile } from 'node:fs/promises'
import { features } from './feature.ts'
import { type Cell, clients, count, type MatrixRun } from './matrix.ts'
import { upstreams } from './upstreams.ts'

const marks = { pass: 'pass', refused: 'refused', fail: 'FAIL' } as const

/** One line for each client and feature, one column for each upstream. */
export function tableText(cells: readonly Cell[]): string {
  const kinds = kindsOf(cells)
  const rows = rowsOf(cells, kinds)
  const head = ['client', 'feature', ...kinds]
  const widths = head.map((_, at) =>
    Math.max(...[head, ...rows].map((row) => (row[at] ?? '').length)),
  )
  const show = (row: readonly string[]): string =>
    row.map((text, at) => text.padEnd(widths[at] ?? 0)).join('  ')
  return [head, ...rows].map((row) => show(row).trimEnd()).join('\n')
}

function kindsOf(cells: readonly Cell[]): string[] {
  const present = new Set(cells.map(({ upstream }) => upstream))
  return upstreams.map(({ name }) => name).filter((name) => present.has(name))
}

function rowsOf(cells: readonly Cell[], kinds: readonly string[]): string[][] {
  const byPlace = new Map(
    cells.map((cell) => [`${cell.client}\0${cell.feature}\0${cell.upstream}`, cell]),
  )
  return clients.flatMap(({ name }) =>
    features.flatMap((feature) => {
      const found = kinds.map((kind) => byPlace.get(`${name}\0${feature}\0${kind}`))
      if (found.every((cell) => cell === undefined)) return []
      return [
        [name, feature, ...found.map((cell) => (cell === undefined ? '' : marks[cell.result]))],
      ]
    }),
  )
}

/** The page `docs/compatibility.md`. */
export async function pageText(matrix: MatrixRun): Promise<string> {
  const { cells, settledTokens, billedTokens } = matrix
  const kinds = kindsOf(cells)
  const sections = clients.map(({ name, packages, api }) => {
    const rows = rowsOf(
      cells.filter(({ client }) => client === name),
      kinds,
    ).map(([, ...rest]) => `| ${rest.join(' | ')} |`)
    const rule = `| ${['---', ...kinds.map(() => '---')].join(' | ')} |`
    return [
      `### ${name}`,
      `\`${packages.join('`, `')}\`, on the wire \`${api}\`.`,
      [`| feature | ${kinds.join(' | ')} |`, rule, ...rows].join('\n'),
    ].join('\n\n')
  })
  return [
    '# Compatibility',
    introduction,
    `**${cells.length} cells: ${count(cells)}.** Of all calls that were not aborted the gateway settled ${settledTokens} tokens, and the upstreams billed ${billedTokens}. Versions, as the lock file pins them: ${await versions()}.`,
    '## What is refused by name',
    refusals(cells),
    '## The matrix',
    ...sections,
    '',
  ].join('\n\n')
}

const introduction = `This page is written by \`npm run evidence -- client-matrix --write\`. Official clients, as they come from npm, work through the gateway as agents do: each
against every kind of upstream. The upstreams are flavours of the [fake provider](../examples/provider/README.md), which speaks the providers' wire formats and
keeps books; no real provider was asked. A cell passes when the client reads what was sent, and the usage that it reads is what the upstream billed.

- **pass**: it works. On the client's own wire every cell must.
- **refused**: what was asked has no faithful place on the upstream's wire, so the gateway refuses the call (\`request.untranslatable\`) and names the field. Nothing is dropped in silence.
- **FAIL**: a defect.

The features: *tools* is the whole loop with the tool's result, the call streamed; *parallel tools* two calls in one reply; *reasoning* must not run into the answer, and is counted; *abort* goes away in the middle of a stream, and the upstream
must see it; *error* is a call that the pact denies and must arrive as the client's own error class with the code \`policy.denied\`; *upstream error* is a 400 of the provider; *image* and
*document* must arrive byte for byte.

Two things of clients and wires to know:

- The Responses provider of the AI SDK refers to earlier items by id, which only a provider that stored them can resolve. Against upstreams of another wire the
  matrix sets \`store: false\`, as an agent must.
- OpenAI's wires tell the prompt's tokens at the end of a stream, Anthropic's at its beginning and at its end. \`@langchain/anthropic\` reads only the beginning, so across
  wires its \`input_tokens\` of a stream are 0; the official client reads both.`

function refusals(cells: readonly Cell[]): string {
  const seen = new Map<string, Set<string>>()
  for (const { result, detail, feature, upstream } of cells) {
    if (result !== 'refused') continue
    const places = seen.get(detail) ?? new Set()
    seen.set(detail, places.add(`${feature} → ${upstream}`))
  }
  if (seen.size === 0) return 'Nothing.'
  return Array.from(seen, ([detail, places]) => `- ${detail}: ${[...places].join(', ')}`).join('\n')
}

async function versions(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  const manifest: unknown = JSON.parse(text)
  const listed = Reflect.get(Object(manifest), 'dependencies')
  const names = [...new Set(clients.flatMap(({ packages }) => packages))]
  return names.map((name) => `\`${name}\` ${String(Reflect.get(Object(listed), name))}`).join(', ')
}
