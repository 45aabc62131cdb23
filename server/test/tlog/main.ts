// Measures the transparency log's claims in a process of its own:
//   node --conditions=airworthy-source server/test/tlog/main.ts vectors
//   node --conditions=airworthy-source server/test/tlog/main.ts others <proofs> <tamperings> <seed>
// The last line of stdout is one JSON object.
import { tamper } from './tamper.ts'
import {
  checkSunlight,
  checkTessera,
  checkWycheproofEd25519,
  checkWycheproofMlDsa,
} from './vectors.ts'

async function measure([what, ...numbers]: readonly string[]): Promise<unknown> {
  if (what === 'vectors') {
    return {
      tessera: await checkTessera(),
      sunlight: checkSunlight(),
      wycheproofEd25519: checkWycheproofEd25519(),
      wycheproofMlDsa44: checkWycheproofMlDsa(),
    }
  }
  if (what !== 'others') throw new Error('give vectors or others')
  const [proofs = 1000, tamperings = 1000, seed = 1] = numbers.map(Number)
  return { ...(await tamper({ proofs, tamperings, seed })), seed }
}

console.log(JSON.stringify(await measure(process.argv.slice(2))))
