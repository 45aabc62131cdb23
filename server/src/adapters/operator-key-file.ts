// The first operator's key in the data directory: the one secret a newcomer needs, readable by the
// owner of the server alone.
import { readFile } from 'node:fs/promises'
import { keyKindOf } from '../core/identity/key.ts'
import { asDirectoryError, writePrivateFile } from './postgres/data-directory.ts'

export type OperatorKeyFile = {
  readonly path: string
  /** The key; undefined when there is no file, or something else in it. */
  readonly read: () => Promise<string | undefined>
  /** Replaces the file, 0600, and is durable when it resolves. */
  readonly write: (key: string) => Promise<void>
}

/** The key file at this path. The directory must exist. */
export function openOperatorKeyFile(options: {
  readonly path: string
  readonly dataDir: string
}): OperatorKeyFile {
  const { path, dataDir } = options
  return {
    path,
    read: async () => {
      try {
        const text = (await readFile(path, 'utf8')).trim()
        return keyKindOf(text) === 'operator' ? text : undefined
      } catch (thrown) {
        const isMissing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
        if (isMissing) return undefined
        throw asDirectoryError(thrown, dataDir)
      }
    },
    write: async (key) => {
      try {
        await writePrivateFile(path, `${key}\n`)
      } catch (thrown) {
        throw asDirectoryError(thrown, dataDir)
      }
    },
  }
}
