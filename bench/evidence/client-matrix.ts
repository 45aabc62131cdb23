// Official clients x features x upstream kinds, through the real program; see docs/compatibility.md.
import { writeFile } from 'node:fs/promises'
import type { Feature } from '../clients/feature.ts'
import { clients, count, everything, holds, runMatrix, type Selection } from '../clients/matrix.ts'
import { pageText, tableText } from '../clients/report.ts'
import { upstreams } from '../clients/upstreams.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const quickUpstreams = new Set(['openai-chat', 'openai-responses', 'anthropic', 'gemini'])
const quickFeatures = new Set<Feature>(['stream', 'parallel tools', 'abort', 'error', 'embeddings'])

const quickSelection: Selection = {
  clients,
  upstreams: upstreams.filter(({ name }) => quickUpstreams.has(name)),
  isChosen: ({ feature }) => quickFeatures.has(feature),
}

export async function run({ quick, write, log }: EvidenceOptions): Promise<Figures> {
  const matrix = await runMatrix(quick ? quickSelection : everything, log)
  const { cells, settledTokens, billedTokens } = matrix
  process.stdout.write(`${tableText(cells)}\n`)
  const of = (result: string) => cells.filter((cell) => cell.result === result)
  for (const { client, feature, upstream, detail } of of('fail')) {
    log(`FAIL ${client}, ${feature}, ${upstream}: ${detail}`)
  }
  log(count(cells))
  if (write === true && !quick) {
    await writeFile(new URL('../../docs/compatibility.md', import.meta.url), await pageText(matrix))
  }
  const sameWire = cells.filter(({ isSameWire }) => isSameWire)
  return {
    cells: cells.length,
    pass: of('pass').length,
    refusedByName: of('refused').length,
    fail: of('fail').length,
    sameWire: sameWire.length,
    sameWirePass: sameWire.filter(({ result }) => result === 'pass').length,
    failures: of('fail').map(
      ({ client, feature, upstream }) => `${client}: ${feature}: ${upstream}`,
    ),
    settledTokens,
    billedTokens,
    holds: holds(matrix),
  }
}
