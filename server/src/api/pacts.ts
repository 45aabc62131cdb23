// Compiled pacts by id. A pact never changes, so what was compiled once stays true.
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import { compilePact } from '../core/pact/compile.ts'
import type { CompiledPact } from '../core/pact/compiled.ts'
import type { PriceLookup } from '../core/pricing/lookup.ts'
import { parseManifest } from '../core/pact/manifest.ts'
import type { Database } from '../store/database.ts'
import { findPact } from '../store/pacts.ts'

const pactsMax = 256
const cache = new Map<string, CompiledPact>()

/**
 * Reads and compiles a pact that was enrolled. Throws when it is gone or compiles no longer. Without
 * `findPrice` only the manifest's own prices are known.
 */
export async function loadPact(
  db: Database,
  organisationId: OrganisationId,
  pactId: string,
  findPrice?: PriceLookup,
): Promise<CompiledPact> {
  // With prices it is compiled anew: they change, and who asks for them asks rarely.
  const known = findPrice === undefined ? cache.get(pactId) : undefined
  if (known !== undefined) return known
  const source = await findPact(db, organisationId, pactId)
  const parsed = parseManifest(source.manifest, 'enrolled')
  const compiled =
    parsed.kind === 'ok'
      ? compilePact(parsed.manifest, source.toolSchemas, {
          isEnrolled: true,
          ...(findPrice === undefined ? {} : { findPrice }),
        })
      : undefined
  if (compiled?.kind !== 'ok') {
    throw new AirworthyError(
      'manifest.invalid',
      'the enrolled manifest is not valid for this release: enrol it again',
    )
  }
  if (cache.size >= pactsMax) cache.clear()
  if (findPrice === undefined) cache.set(pactId, compiled.pact)
  return compiled.pact
}
