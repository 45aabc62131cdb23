// What the kernel says of a running gateway: its memory, and what it has open.
import { readdir, readFile, readlink } from 'node:fs/promises'

/** Resident memory in MB of 10^6 bytes. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error(`no memory for process ${pid}`)
  return (Number(kilobytes) * 1024) / 1e6
}

export type OpenHandles = {
  /** Files, pipes, timers and sockets, but those to the database. */
  readonly all: number
  readonly sockets: number
  /** Connections of a bounded pool that opens and closes them as it needs. */
  readonly database: number
}

export async function openHandles(pid: number, databaseUrl: string): Promise<OpenHandles> {
  const directory = `/proc/${pid}/fd`
  const toDatabase = await socketsTo(Number(new URL(databaseUrl).port))
  const targets = await Promise.all(
    (await readdir(directory)).map((name) =>
      // One that was closed meanwhile is not open.
      readlink(`${directory}/${name}`).catch(() => undefined),
    ),
  )
  const open = targets.filter((target) => target !== undefined)
  const others = open.filter((target) => !toDatabase.has(target))
  return {
    all: others.length,
    sockets: others.filter((target) => target.startsWith('socket:')).length,
    database: open.length - others.length,
  }
}

/** Sockets of the machine whose other end is that port, as their handles are called. */
async function socketsTo(port: number): Promise<Set<string>> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  )
  const sockets = new Set<string>()
  for (const line of tables.join('\n').split('\n')) {
    const columns = line.trim().split(/\s+/)
    if (columns[2]?.endsWith(`:${wanted}`) === true) sockets.add(`socket:[${columns[9]}]`)
  }
  return sockets
}
