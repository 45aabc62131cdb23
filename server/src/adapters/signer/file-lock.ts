// One process at a time changes a file. SQLite holds the lock, so that the kernel gives it up when a
// process dies in the middle.
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { signerFailed } from './signer.ts'

const waitMsMax = 15_000
const retryMs = 20

/** Runs `work` while nobody else does who locks the same path. The lock is `<path>.lock`. */
export async function withFileLock<Result>(
  path: string,
  work: () => Promise<Result>,
): Promise<Result> {
  using lock = new DatabaseSync(`${path}.lock`)
  const until = performance.now() + waitMsMax
  while (!tryLock(lock)) {
    if (performance.now() > until) throw signerFailed(`${path} is locked by another process`)
    await sleep(retryMs)
  }
  return await work()
}

function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch (thrown) {
    // SQLITE_BUSY
    const isBusy = thrown instanceof Error && 'errcode' in thrown && thrown.errcode === 5
    if (isBusy) return false
    throw thrown
  }
}
