// GET /log/<shard>/checkpoint, /log/<shard>/tile/...: the log as C2SP tlog-tiles has it, for any
// reader of such logs. Entries hold no personal data; who may read them is still the operator's choice.
import type { FastifyInstance, FastifyReply } from 'fastify'
import { checkpointPath, logFiles } from '../../adapters/objects/log-files.ts'
import { isObjectPath } from '../../adapters/objects/object-store.ts'
import { AirworthyError } from '../../core/errors.ts'
import { mayCall } from '../../core/identity/roles.ts'
import { formatBundle, parseBundle } from '../../core/tlog/bundle.ts'
import { cutTile, parseResourcePath, type TileResource } from '../../core/tlog/tiles.ts'
import { authenticate } from '../authenticate.ts'
import type { ApiDependencies } from '../dependencies.ts'

/** Tiles never change; the checkpoint does each second. */
const immutableSeconds = 31_536_000

export function serveLog(app: FastifyInstance, dependencies: ApiDependencies): void {
  app.get<{ Params: { shard: string; '*': string } }>('/log/:shard/*', async (request, reply) => {
    await requireReader(dependencies, request.headers.authorization)
    const { shard, '*': path } = request.params
    if (!isObjectPath(`${shard}/${path}`)) throw notThere()
    if (path === checkpointPath) return sendCheckpoint(dependencies, reply, shard)
    const resource = parseResourcePath(path)
    if (resource === undefined) throw notThere()
    return sendResource(dependencies, reply, { shard, resource })
  })
}

async function requireReader(
  { db, organisationId, publishedLog }: ApiDependencies,
  authorization: string | undefined,
): Promise<void> {
  if (publishedLog.isPublic) return
  const { role } = await authenticate(db, organisationId, authorization)
  if (mayCall(['operator', 'auditor'], role)) return
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
