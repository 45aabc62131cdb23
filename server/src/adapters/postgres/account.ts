// Who runs PostgreSQL. It refuses to run as root, so root hands it to an unprivileged account.

import { access, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AirworthyError } from '../../core/errors.ts'

/** `prefix` goes in front of every PostgreSQL command; `owner` must own its files. */
export type Account = {
  readonly prefix: readonly string[]
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
}

const nobody = { uid: 65_534, gid: 65_534 }

/** The account for the cluster in `clusterDir`, which need not exist yet. */
export async function accountFor(clusterDir: string, program: string): Promise<Account> {
  if (process.getuid?.() !== 0) return { prefix: [], owner: undefined }
  const owner = (await ownerOf(clusterDir)) ?? (await postgresUser()) ?? nobody
  const setpriv = await findSetpriv()
  const isForAll = ((await stat(program)).mode & 0o001) !== 0
  const flags = capabilityFlags(await effectiveCapabilities(), isForAll)
  const ids = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  return { prefix: [setpriv, ...ids, ...flags, '--'], owner }
}

/** A cluster made before, perhaps without root, stays with its owner. */
async function ownerOf(clusterDir: string): Promise<Account['owner']> {
  const found = await stat(clusterDir).catch(() => undefined)
  return found === undefined || found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid }
}

async function postgresUser(): Promise<Account['owner']> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const [, , uid, gid] = /^postgres:.*$/m.exec(users)?.[0].split(':') ?? []
  if (uid === undefined || gid === undefined || Number(uid) === 0) return undefined
  return { uid: Number(uid), gid: Number(gid) }
}

async function findSetpriv(): Promise<string> {
  for (const folder of ['/usr/bin', '/bin', '/usr/sbin', '/run/current-system/sw/bin']) {
    const path = join(folder, 'setpriv')
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  throw new AirworthyError(
    'database.embedded_failed',
    'PostgreSQL does not run as root, and setpriv (package util-linux) is missing to change the ' +
      'user. Run Airworthy as an ordinary user, install util-linux, or set DATABASE_URL.',
  )
}

async function effectiveCapabilities(): Promise<bigint> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return hex === undefined ? 0n : BigInt(`0x${hex}`)
}

/**
 * The checkout may lie below directories that only root may traverse, so PostgreSQL keeps the right
 * to read past them, and no other. `no_setuid_fixup` makes that right count in access(2) too, which
 * the kernel otherwise answers without it. Where the container lacks it, or the programs were
 * installed for root alone (umask 077), the larger right to pass all file modes takes its place.
 */
function capabilityFlags(effective: bigint, isForAll: boolean): string[] {
  const has = (bit: number) => ((effective >> BigInt(bit)) & 1n) === 1n
  const [dacOverride, dacReadSearch, setpcap] = [has(1), has(2), has(8)]
  if (!setpcap || (!dacOverride && !dacReadSearch)) return []
  const isEnough = dacReadSearch && (isForAll || !dacOverride)
  const right = isEnough ? '+dac_read_search' : '+dac_override'
  return ['--securebits=+no_setuid_fixup', `--inh-caps=${right}`, `--ambient-caps=${right}`]
}
