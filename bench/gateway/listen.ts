// What every small server of the bench needs to start.

import type { Server } from 'node:http'
import { pathToFileURL } from 'node:url'

/** Listens on loopback and gives the origin. */
export async function listen(server: Server, port = 0): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', 1024, resolve)
  await promise
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return `http://127.0.0.1:${address.port}`
}

/** Whether this module is the program that was started, not one that it imports. */
export function isMain(meta: { readonly url: string }): boolean {
  const [, started] = process.argv
  return started !== undefined && meta.url === pathToFileURL(started).href
}
