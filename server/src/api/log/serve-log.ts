// GET /log/<shard>/checkpoint, /log/<shard>/tile/...: the log as C2SP tlog-tiles has it, for any
// reader of such logs. Entries hold no personal data; who may read them is still the operator's choice.
import type { FastifyInstance, FastifyReply } from 'fastify'
import { checkpointPath, logFiles } from '../../adapters/objects/log-files.ts'
import { isObjectPath } from '../../adapters/objects/object-store.ts'
import { AirworthyError } from '../../core/errors.ts'
import { mayCall } from '../../core/identity/roles.ts'
import { formatBundle, parseBundle } from '../../core/tlog/bundle.ts'
import { cutTile, parseResourcePath, type TileResource } from '../../core/tlog/tiles.ts'
import type { OperatorRow } from '../../store/identity/operators.ts'
import { type LogAccesses, parseReason, reasonHeader } from '../audit/access.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiDependencies } from '../dependencies.ts'

/** Tiles never change; the checkpoint does each second. */
const immutableSeconds = 31_536_000

/**
 * Who reads entries with a key is written to the log, once a minute as with `GET /v1/entries`. Hashes
 * and checkpoints say nothing of anybody, and readers of a public log have no name: these write nothing.
 */
export function serveLog(
  app: FastifyInstance,
  dependencies: ApiDependencies,
  accesses: LogAccesses,
): void {
  app.get<{ Params: { shard: string; '*': string } }>('/log/:shard/*', async (request, reply) => {
    const reader = await findReader(dependencies, request.headers.authorization)
    const { shard, '*': path } = request.params
    if (!isObjectPath(`${shard}/${path}`)) throw notThere()
    if (path === checkpointPath) return sendCheckpoint(dependencies, reply, shard)
    const resource = parseResourcePath(path)
    if (resource === undefined) throw notThere()
    if (reader !== undefined && resource.kind !== 'tile') {
      const reason = parseReason(request.headers[reasonHeader])
      await accesses.record('log', { ...reader, operation: 'serve-log', isOfMany: true, reason })
    }
    return sendResource(dependencies, reply, { shard, resource })
  })
}

/** Undefined where everybody may read. Throws where this one may not. */
async function findReader(
  { db, organisationId, publishedLog }: ApiDependencies,
  authorization: string | undefined,
): Promise<OperatorRow | undefined> {
  if (publishedLog.isPublic) return undefined
  const operator = await authenticate(db, organisationId, authorization)
  const { role } = operator
  if (mayCall(['operator', 'auditor'], role)) return operator
  throw new AirworthyError('auth.forbidden', `a ${role} key may not read the log`)
}

async function sendCheckpoint(
  { publishedLog }: ApiDependencies,
  reply: FastifyReply,
  shard: string,
): Promise<FastifyReply> {
  const found = await publishedLog.store.read(`${shard}/${checkpointPath}`)
  if (found === undefined) throw notThere()
  return reply
    .type('text/plain; charset=utf-8')
    .header('cache-control', 'no-cache')
    .send(found.bytes)
}

async function sendResource(
  { publishedLog }: ApiDependencies,
  reply: FastifyReply,
  of: { readonly shard: string; readonly resource: TileResource },
): Promise<FastifyReply> {
  const { shard, resource } = of
  const bytes = await readResource(publishedLog.store, shard, resource)
  const visibility = publishedLog.isPublic ? 'public' : 'private'
  return reply
    .type('application/octet-stream')
    .header('cache-control', `${visibility}, max-age=${immutableSeconds}, immutable`)
    .send(bytes)
}

/** A partial file that is gone is cut from the full one, so every size ever signed can be read. */
async function readResource(
  store: ApiDependencies['publishedLog']['store'],
  shard: string,
  resource: TileResource,
): Promise<Buffer> {
  const files = logFiles(store, shard)
  try {
    if (resource.kind === 'tile') {
      return cutTile(await files.readTile(resource.tile), resource.tile)
    }
    const { bundle } = resource
    return formatBundle(parseBundle(await files.readBundle(bundle), bundle.width))
  } catch (thrown) {
    const isMissing = thrown instanceof AirworthyError && thrown.cause === undefined
    if (isMissing && thrown.code === 'log.storage') throw notThere()
    throw thrown
  }
}

function notThere(): AirworthyError {
  return new AirworthyError('request.not_found', 'the log has nothing at this address')
}
