// What anybody may read: DID documents and logs at the addresses that DIDs stand for, and the keys
// that replies are signed with.
import type { FastifyInstance, FastifyReply } from 'fastify'
import { AirworthyError } from '../../core/errors.ts'
import { formatDid } from '../../core/identity/did-web.ts'
import { parallelWebDocument } from '../../core/identity/did-document.ts'
import { jwkOf, thumbprintOf } from '../../core/identity/public-key.ts'
import { isUuid } from '../../core/ids.ts'
import { keyNames } from '../../adapters/signer/signer.ts'
import { readDidLogMark } from '../../store/identity/identities.ts'
import { type Identities, pathOf } from './identities.ts'
import { type PublishedLog, readPublishedLog } from './published-log.ts'

const files = ['did.json', 'did.jsonl', 'did-witness.json'] as const
type File = (typeof files)[number]

const maxAgeSeconds = 60

/** Adds the public addresses. They need no key and answer other origins: everybody may verify. */
export function addIdentityPages(app: FastifyInstance, identities: Identities): void {
  const { organisationId } = identities.dependencies
  const pages = new PageCache(identities)
  for (const file of files) {
    app.get(`/.well-known/${file}`, async (_, reply) =>
      send(reply, file, await pages.read(organisationId, file)),
    )
    app.get<{ Params: { agent: string } }>(`/agents/:agent/${file}`, async (request, reply) => {
      const { agent } = request.params
      if (!isUuid(agent) || agent === organisationId) {
        throw new AirworthyError('request.not_found', 'there is no such DID')
      }
      return send(reply, file, await pages.read(agent, file))
    })
  }
  app.get('/.well-known/http-message-signatures-directory', async (_, reply) => {
    const type = 'application/http-message-signatures-directory+json'
    return send(reply, 'did.json', await directory(identities), type)
  })
}

const types: Readonly<Record<File, string>> = {
  'did.json': 'application/did+json',
  'did.jsonl': 'text/jsonl',
  'did-witness.json': 'application/json',
}

function send(reply: FastifyReply, file: File, body: string, type = types[file]): FastifyReply {
  return reply
    .type(`${type}; charset=utf-8`)
    .header('cache-control', `public, max-age=${maxAgeSeconds}`)
    .header('access-control-allow-origin', '*')
    .send(body)
}

const cachedMax = 1_000

/** Verifying a log takes milliseconds, and anybody may ask: it is done once for each version. */
class PageCache {
  readonly #identities: Identities
  readonly #logs = new Map<string, { readonly mark: string; readonly log: Promise<PublishedLog> }>()

  constructor(identities: Identities) {
    this.#identities = identities
  }

  /** Throws `request.not_found`. */
  async read(subjectId: string, file: File): Promise<string> {
    const log = await this.#log(subjectId)
    if (file === 'did.jsonl') return `${log.lines.join('\n')}\n`
    return file === 'did.json' ? webDocument(log) : log.witnesses
  }

  async #log(subjectId: string): Promise<PublishedLog> {
    const { db, organisationId } = this.#identities.dependencies
    const mark = await readDidLogMark(db, organisationId, subjectId)
    if (mark === undefined) throw new AirworthyError('request.not_found', 'there is no such DID')
    const known = this.#logs.get(subjectId)
    if (known?.mark === mark) return known.log
    const log = readPublishedLog(db, organisationId, subjectId)
    if (this.#logs.size >= cachedMax) this.#logs.clear()
    this.#logs.set(subjectId, { mark, log })
    log.catch(() => this.#logs.delete(subjectId))
    return log
  }
}

function webDocument({ identity, latest, isDeactivated }: PublishedLog): string {
  // A did:web that is deactivated has no document.
  if (isDeactivated) throw new AirworthyError('request.not_found', 'the DID is deactivated')
  const { did, domain } = identity
  const { scid } = latest.parameters
  const webDid = formatDid('web', { domain, path: pathOf(identity) })
  return JSON.stringify(parallelWebDocument(latest.document, { scid, did, webDid }))
}

async function directory({ dependencies }: Identities): Promise<string> {
  const { publicKey } = await dependencies.signer.ensure(keyNames.responses, 'ed25519')
  const key = { algorithm: 'ed25519', bytes: publicKey } as const
  return JSON.stringify({ keys: [{ ...jwkOf(key), kid: thumbprintOf(key), use: 'sig' }] })
}
