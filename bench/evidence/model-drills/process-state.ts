// What the kernel says of a running gateway: its memory, and what it has open.
import { readdir, readFile, readlink } from 'node:fs/promises'

/** Resident memory in MB of 10^6 bytes. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error(`no memory for process ${pid}`)
  return (Number(kilobytes) * 1024) / 1e6
}

export type OpenHandles = { readonly all: number; readonly sockets: number }

export async function openHandles(pid: number): Promise<OpenHandles> {
  const directory = `/proc/${pid}/fd`
  const targets = await Promise.all(
    (await readdir(directory)).map((name) =>
      // One that was closed meanwhile is not open.
      readlink(`${directory}/${name}`).catch(() => undefined),
    ),
  )
  const open = targets.filter((target) => target !== undefined)
  return {
    all: open.length,
    sockets: open.filter((target) => target.startsWith('socket:')).length,
  }
}
