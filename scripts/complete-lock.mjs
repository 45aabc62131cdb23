// Run after `npm install --package-lock-only --ignore-scripts`: node scripts/complete-lock.mjs
// Adds to package-lock.json the optional packages of other platforms that the registry did not
// serve when the lock was written; without them `npm ci` refuses the lock.
import { readFileSync, writeFileSync } from 'node:fs'
const path = 'package-lock.json'
const lock = JSON.parse(readFileSync(path, 'utf8'))
const added = {}
for (const [where, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${where}/node_modules/${name}`,
      top = `node_modules/${name}`
    if (lock.packages[nested] || lock.packages[top] || added[top]) continue
    const words = name.split(/[/-]/)
    const os = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'].filter((o) =>
      words.includes(o),
    )
    const cpu = ['arm64', 'x64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x'].filter((c) =>
      words.includes(c),
    )
    const libc = words.some((w) => w.startsWith('gnu'))
      ? ['glibc']
      : words.some((w) => w.startsWith('musl'))
        ? ['musl']
        : undefined
    if (os.length !== 1 || cpu.length !== 1) {
      console.log('by hand:', where, name, version)
      continue
    }
    added[top] = {
      version,
      cpu,
      ...(entry.dev ? { dev: true } : {}),
      ...(libc && os[0] === 'linux' ? { libc } : {}),
      license: 'MIT',
      optional: true,
      os,
    }
  }
}
const sorted = Object.entries({ ...lock.packages, ...added }).toSorted(([a], [b]) =>
  a.localeCompare(b, 'en'),
)
lock.packages = Object.fromEntries(sorted)
writeFileSync(path, JSON.stringify(lock, null, 2) + '\n')
console.log('added', Object.keys(added).length)
