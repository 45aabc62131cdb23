import { readFile } from 'node:fs/promises'
import { keyKindOf } from '../../core/identity/key.ts'

/** The operator key in the file; undefined when there is no file, or no key in it. */
export async function readOperatorKeyFile(path: string): Promise<string | undefined> {
  try {
    const key = (await readFile(path, 'utf8')).trim()
    return keyKindOf(key) === 'operator' ? key : undefined
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  }
}
