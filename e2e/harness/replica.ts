// One more gateway of a ground: the same database, the same master key.
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ground } from './ground.ts'
import { type Server, startServer, temporaryDirectory } from './server.ts'

export async function startReplica(
  ground: Pick<Ground, 'server' | 'databaseUrl'>,
  owner: AsyncDisposableStack,
): Promise<Server> {
  const { dataDir: from, operatorKey } = ground.server
  const dataDir = await temporaryDirectory(owner)
  await cp(join(from, 'master.key'), join(dataDir, 'master.key'))
  const { databaseUrl } = ground
  return owner.use(await startServer({ databaseUrl, dataDir, operatorKey }))
}
