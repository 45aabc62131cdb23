// Compiled pacts by id. A pact never changes, so what was compiled once stays true.
import { AirworthyError } from '../core/errors.ts'
import type { OrganisationId } from '../core/ids.ts'
import { compilePact } from '../core/pact/compile.ts'
import type { CompiledPact, ToolSchemas } from '../core/pact/compiled.ts'
import { parseManifest } from '../core/pact/manifest.ts'
import { readPactSource } from '../store/agents.ts'
import type { Database } from '../store/database.ts'

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
  const source = await readPactSource(db, organisationId, pactId)
  if (source === undefined) throw new AirworthyError('agent.unknown', 'the pact is not enrolled')
  const parsed = parseManifest(source.manifest, 'enrolled')
  const compiled =
    parsed.kind === 'ok'
      ? compilePact(parsed.manifest, parseToolSchemas(source.toolSchemas))
      : undefined
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

/** The row holds what enrolment wrote: an object of objects, keyed by `server/tool`. */
function parseToolSchemas(value: unknown): ToolSchemas {
  if (typeof value !== 'object' || value === null) return {}
  // The column is written by enrolment alone, from this very type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return value as ToolSchemas
}
