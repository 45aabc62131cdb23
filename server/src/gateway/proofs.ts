// Which undos are proved. A proof only ever widens what rules allow, so what is read here may be a
// moment old; a new proof of this process is seen at once.
import type { ProofKey } from '../core/effect/proof.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Database } from '../store/database.ts'
import { findProofs } from '../store/calls/proofs.ts'
import type { LoadedPact } from './pacts.ts'

const freshMs = 1000
const pactsMax = 200

type Known = { readonly at: number; readonly proved: Promise<ReadonlySet<string>> }

export class ProofCache {
  readonly #db: Database
  readonly #organisationId: OrganisationId
  readonly #known = new Map<string, Known>()

  constructor(options: { db: Database; organisationId: OrganisationId }) {
    this.#db = options.db
    this.#organisationId = options.organisationId
  }

  /** The tools (`server/tool`) of the pact whose undo is proved as it is enrolled. */
  proved(loaded: LoadedPact): Promise<ReadonlySet<string>> {
    const now = performance.now()
    const known = this.#known.get(loaded.pactId)
    if (known !== undefined && now - known.at < freshMs) return known.proved
    if (this.#known.size >= pactsMax) this.#known.clear()
    const proved = this.#read(loaded.proofKeys)
    this.#known.set(loaded.pactId, { at: now, proved })
    proved.catch(() => this.#known.delete(loaded.pactId))
    return proved
  }

  forget(): void {
    this.#known.clear()
  }

  async #read(keys: ReadonlyMap<string, ProofKey>): Promise<ReadonlySet<string>> {
    const rows = await findProofs(this.#db, this.#organisationId, [...keys.values()])
    const proved = new Set(rows.filter((row) => row.state === 'proved').map((row) => nameOf(row)))
    return new Set([...keys].filter(([, key]) => proved.has(nameOf(key))).map(([name]) => name))
  }
}

function nameOf(key: ProofKey): string {
  return `${key.contractHash} ${key.toolHash}`
}
