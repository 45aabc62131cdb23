// A program: integrates the log of a database for some turns, as the server does, and may be told to
// be killed at a step. Prints what became of it as one JSON line.
import { parseArgs } from 'node:util'
import { openDirectoryStore } from '../../src/adapters/objects/directory-store.ts'
import { openLastSigned } from '../../src/adapters/objects/last-signed.ts'
import type { ObjectStore } from '../../src/adapters/objects/object-store.ts'
import { FileKeystore } from '../../src/adapters/signer/file-keystore.ts'
import { AirworthyError } from '../../src/core/errors.ts'
import { LogIntegrator } from '../../src/jobs/log/integrator.ts'
import { loadLogKeys } from '../../src/jobs/log/log-keys.ts'
import { openDatabase } from '../../src/store/database.ts'
import { LogLock } from '../../src/store/log/log-lock.ts'
import { bootstrapOrganisation } from '../../src/store/organisations.ts'
import { join } from 'node:path'

const { values } = parseArgs({
  options: {
    database: { type: 'string', default: '' },
    /** Keys and last-signed. */
    data: { type: 'string', default: '' },
    store: { type: 'string', default: '' },
    turns: { type: 'string', default: '1' },
    /** `<step>`: ends with SIGKILL there. */
    kill: { type: 'string', default: '' },
    /** The write of the store, counted from 1, that finds the disk full, and every later one. */
    full: { type: 'string', default: '0' },
    /** Integrates although another process does. */
    unlocked: { type: 'boolean', default: false },
    /** How far this machine's clock is off. */
    'clock-days': { type: 'string', default: '0' },
  },
})

const offsetMs = Number(values['clock-days']) * 24 * 60 * 60 * 1000
if (offsetMs !== 0) {
  const now = Date.now
  Date.now = () => now() + offsetMs
}

const opened = openDatabase({ url: values.database, poolMax: 4 })
const { db } = opened
const { organisationId } = await bootstrapOrganisation(db)
const signer = await FileKeystore.open({
  path: join(values.data, 'keystore.json'),
  secret: { kind: 'master-key', masterKey: Buffer.alloc(32, 1) },
})
const keys = await loadLogKeys({ signer, base: 'drill.example.com' })
const real = await openDirectoryStore(values.store)
const lock = new LogLock({ databaseUrl: values.database, organisationId })
const failures: string[] = []
let code = ''
let size = 0
const integrator = new LogIntegrator({
  db,
  organisationId,
  lock: values.unlocked ? { hold: async () => true, release: async () => undefined } : lock,
  store: quotaStore(real, Number(values.full)),
  lastSigned: openLastSigned(values.data),
  keys,
  witnesses: undefined,
  mustBeWitnessed: false,
  log: (message) => void failures.push(message),
  onForked: () => undefined,
  onCheckpoint: (signed) => {
    size = signed.size
  },
  onStep: (step) => {
    if (step === values.kill) process.kill(process.pid, 'SIGKILL')
  },
})
try {
  await integrator.check()
  for (let turn = 0; turn < Number(values.turns); turn += 1) {
    try {
      await integrator.turn()
    } catch (thrown) {
      if (thrown instanceof AirworthyError && thrown.code === 'log.forked') throw thrown
      failures.push(String(thrown))
    }
  }
} catch (thrown) {
  code = thrown instanceof AirworthyError ? thrown.code : String(thrown)
}
await lock.release()
await opened.close()
process.stdout.write(`${JSON.stringify({ code, size, failures })}\n`)

/** A disk with room for some writes. Zero: for all. */
function quotaStore(store: ObjectStore, fullAt: number): ObjectStore {
  let writes = 0
  const take = (): void => {
    writes += 1
    if (fullAt === 0 || writes < fullAt) return
    throw new AirworthyError('log.storage', 'the disk is full', {
      cause: Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }),
    })
  }
  return {
    ...store,
    write: async (...args) => {
      take()
      await store.write(...args)
    },
    replace: async (...args) => {
      take()
      return store.replace(...args)
    },
  }
}
