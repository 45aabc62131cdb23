// What the kernel says about a process.

import { readFile } from 'node:fs/promises'

const ticksPerSecond = 100

/** The highest resident size of the process since it started, in MB of 10^6 bytes. */
export async function peakMemoryMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]
  if (kilobytes === undefined) throw new Error(`no peak memory for process ${pid}`)
  return (Number(kilobytes) * 1024) / 1e6
}

/** Processor time that the process has used so far, in its own code and in the kernel. */
export async function processorSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may hold spaces; the fields are counted after it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
