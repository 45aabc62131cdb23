// Gateways that come and go on one PostgreSQL, and the release that comes after this one: the same
// program with one migration more.
import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../../airworthy.ts'
import { parseObject, type Running, startProgram, textField } from '../../processes.ts'

const readyWithinMs = 90_000

/** It changes the table of holds under those that are parked. */
const nextMigration = `ALTER TABLE airworthy.holds ADD COLUMN next_release text;
UPDATE airworthy.holds SET next_release = 'parked before';
ALTER TABLE airworthy.holds ALTER COLUMN next_release SET DEFAULT 'new';
CREATE INDEX holds_next_release ON airworthy.holds (organisation_id, next_release);
`

export type Gateway = {
  readonly url: string
  /** No farewell. PostgreSQL lives on, and the next gateway on the directory adopts it. */
  readonly kill: () => Promise<void>
} & AsyncDisposable

export type Directory = {
  readonly path: string
  /** Undefined: the PostgreSQL of the directory. */
  readonly databaseUrl: string | undefined
  readonly masterKey: string
}

export async function makeDirectory(
  owner: AsyncDisposableStack,
  more: { databaseUrl?: string; masterKey?: string } = {},
): Promise<Directory> {
  const path = await mkdtemp(join(tmpdir(), 'airworthy-parked-'))
  owner.defer(() => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
  const masterKey = more.masterKey ?? randomBytes(32).toString('base64')
  return { path, databaseUrl: more.databaseUrl, masterKey }
}

/** `release` is the checkout that is started. */
export async function startGateway(
  directory: Directory,
  release: string = repository,
): Promise<Gateway & { readonly ready: Running['ready'] }> {
  const running = await startProgram({
    name: 'airworthy',
    args: [join(release, 'server/bin/airworthy.js'), 'serve', '--json', '--port', '0'],
    env: {
      AIRWORTHY_DATA: directory.path,
      AIRWORTHY_MASTER_KEY: directory.masterKey,
      DATABASE_URL: directory.databaseUrl ?? '',
    },
    readyWithinMs,
  })
  return {
    ready: running.ready,
    url: textField(running.ready, 'listening'),
    kill: async () => {
      process.kill(running.pid, 'SIGKILL')
      await running.stop()
    },
    [Symbol.asyncDispose]: running.stop,
  }
}

export async function databaseUrlOf(directory: Directory): Promise<string> {
  const file = parseObject((await readFile(join(directory.path, 'postgres.json'), 'utf8')).trim())
  if (file === undefined) throw new TypeError('postgres.json is not an object')
  return textField(file, 'url')
}

/** A copy of the program with one migration more; gives its folder, which goes with the owner. */
export async function makeNextRelease(owner: AsyncDisposableStack): Promise<string> {
  const release = await mkdtemp(join(tmpdir(), 'airworthy-next-'))
  owner.defer(() => rm(release, { recursive: true, force: true }))
  const server = join(release, 'server')
  await mkdir(server)
  for (const part of ['bin', 'src', 'migrations', 'package.json']) {
    await cp(join(repository, 'server', part), join(server, part), { recursive: true })
  }
  for (const part of ['node_modules', 'package.json', 'docs']) {
    await symlink(join(repository, part), join(release, part))
  }
  await writeFile(join(server, 'migrations/9000-next-release.sql'), nextMigration)
  return release
}
