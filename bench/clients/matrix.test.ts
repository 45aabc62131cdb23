// A small slice of the matrix, so that the ordinary suite notices when a client stops working.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Feature } from './feature.ts'
import { clients, isGood, runMatrix } from './matrix.ts'
import { upstreams } from './upstreams.ts'

const sliceUpstreams = new Set(['openai-chat', 'anthropic'])
const sliceFeatures = new Set<Feature>(['stream', 'parallel tools', 'error', 'embeddings'])

test('official clients stream, call tools and read errors on both families of wires', async () => {
  const { cells, settledTokens, billedTokens } = await runMatrix(
    {
      clients,
      upstreams: upstreams.filter(({ name }) => sliceUpstreams.has(name)),
      isChosen: ({ feature }) => sliceFeatures.has(feature),
    },
    () => undefined,
  )
  const bad = cells.filter((cell) => !isGood(cell))
  assert.deepEqual(
    bad.map(
      ({ client, feature, upstream, detail }) => `${client}, ${feature}, ${upstream}: ${detail}`,
    ),
    [],
  )
  assert.equal(settledTokens, billedTokens)
  assert.ok(cells.length > 50, `${cells.length} cells`)
})
