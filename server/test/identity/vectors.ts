// Where the official vectors lie. They are not part of the project: without them the tests that need
// them say so and are skipped.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const shared = process.env['AIRWORTHY_SHARED'] ?? join(import.meta.dirname, '../../../../shared')
const directory = join(shared, 'vectors')

/** False when they are there; else why the test is skipped. */
export const skip: string | false = existsSync(directory)
  ? false
  : `no official vectors at ${directory} (AIRWORTHY_SHARED)`

export function readVector(...path: readonly string[]): string {
  return readFileSync(join(directory, ...path), 'utf8')
}

export function readVectorIfAny(...path: readonly string[]): string | undefined {
  return existsSync(join(directory, ...path)) ? readVector(...path) : undefined
}

export function listVectors(...path: readonly string[]): string[] {
  return readdirSync(join(directory, ...path), { withFileTypes: true })
    .filter((each) => each.isDirectory())
    .map((each) => each.name)
}
