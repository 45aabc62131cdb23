// The manifest that a command is given.
import { readFile } from 'node:fs/promises'
import { text as readStream } from 'node:stream/consumers'
import { UsageError } from './failure.ts'
import { inlineDocuments } from './inline-documents.ts'

/**
 * The text of a file, or of standard input for `-`, with the OpenAPI documents that it names as files.
 * Throws a UsageError when there is none.
 */
export async function readManifest(file: string): Promise<string> {
  return inlineDocuments(await readText(file), file)
}

async function readText(file: string): Promise<string> {
  if (file === '-') return readStream(process.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch {
    throw new UsageError(`there is no manifest that can be read at ${file}`)
  }
}
