// PostgreSQL's log: one file and the one before it, each of a bounded size.

import { copyFile, open, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'

const logBytesMax = 8 * 1024 * 1024
const tailBytesMax = 64 * 1024
const checkEveryMs = 30_000

export function logFileOf(dataDir: string): string {
  return join(dataDir, 'postgres.log')
}

/** What was written after the offset, at most the last 64 KiB of it. */
export async function logTailFrom(dataDir: string, offset: number): Promise<string> {
  const handle = await open(logFileOf(dataDir), 'r')
  try {
    const { size } = await handle.stat()
    const start = Math.max(offset, size - tailBytesMax)
    const buffer = Buffer.alloc(Math.max(0, size - start))
    await handle.read(buffer, 0, buffer.length, start)
    return buffer.toString('utf8')
  } finally {
    await handle.close()
  }
}

/**
 * Copies the log away and empties it when it has grown too large. PostgreSQL goes on writing at
 * the new end, because it holds the file open for appending; lines written in between are lost.
 */
async function boundLog(dataDir: string): Promise<void> {
  const path = logFileOf(dataDir)
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  )
  if (size <= logBytesMax) return
  await copyFile(path, `${path}.1`)
  await truncate(path)
}

/** Keeps the log bounded from now on, until disposed. */
export async function keepLogBounded(dataDir: string): Promise<Disposable> {
  const bound = () => boundLog(dataDir).catch(() => undefined)
  await bound()
  const timer = setInterval(() => void bound(), checkEveryMs)
  timer.unref()
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
    },
  }
}
