// Compiled pacts by id. A pact never changes, so what was compiled once stays true.
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import { compilePact } from '../core/pact/compile.ts'
import type { CompiledPact } from '../core/pact/compiled.ts'
import { parseManifest } from '../core/pact/manifest.ts'
import type { Database } from '../store/database.ts'
import { findPact } from '../store/pacts.ts'

const pactsMax = 256
const cache = new Map<string, CompiledPact>()

/** Reads and compiles a pact that was enrolled. Throws when it is gone or compiles no longer. */
export async function loadPact(
  db: Database,
  organisationId: OrganisationId,
  pactId: string,
): Promise<CompiledPact> {
  const known = cache.get(pactId)
  if (known !== undefined) return known
  const source = await findPact(db, organisationId, pactId)
  const parsed = parseManifest(source.manifest, 'enrolled')
  const compiled =
    parsed.kind === 'ok' ? compilePact(parsed.manifest, source.toolSchemas) : undefined
  if (compiled?.kind !== 'ok') {
    throw new AirworthyError(
      'manifest.invalid',
      'the enrolled manifest is not valid for this release: enrol it again',
    )
  }
  if (cache.size >= pactsMax) cache.clear()
  cache.set(pactId, compiled.pact)
  return compiled.pact
}
