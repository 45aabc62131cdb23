// What can be seen without a server: Node.js, the data directory, the port.
import { access, constants, stat, statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import { fail, type Finding, ok, warn } from './finding.ts'

const nodeMajorMin = 24
const freeWarnBytes = 2 * 1024 ** 3
const freeFailBytes = 256 * 1024 ** 2
const portTimeoutMs = 2_000

export function checkNode(): Finding {
  const { node } = process.versions
  if (Number(node.split('.')[0]) >= nodeMajorMin) return ok('node', node)
  return fail('node', {
    found: `${node}; ${nodeMajorMin} or later is needed`,
    fix: 'Install it from https://nodejs.org, or run "npm ci" in the checkout.',
  })
}

export async function checkDirectory(dataDir: string): Promise<Finding[]> {
  const found = await stat(dataDir).catch(() => undefined)
  if (found === undefined) {
    return [
      warn('directory', {
        found: `${dataDir} does not exist yet`,
        fix: 'The first "airworthy serve" makes it; --data names another one.',
      }),
    ]
  }
  const isWritable = await access(dataDir, constants.W_OK | constants.X_OK).then(
    () => found.isDirectory(),
    () => false,
  )
  if (!isWritable) {
    return [
      fail('directory', {
        found: `${dataDir} cannot be written`,
        fix: 'Make it a directory that you own, or name another one with --data.',
      }),
    ]
  }
  return [privacyFinding(dataDir, found.mode), await spaceFinding(dataDir)]
}

function privacyFinding(dataDir: string, mode: number): Finding {
  if ((mode & 0o077) === 0) return ok('directory', `${dataDir} is writable, and private`)
  return warn('directory', {
    found: `${dataDir} can be read by others, and it holds keys`,
    fix: `chmod 700 ${dataDir}`,
  })
}

async function spaceFinding(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir)
  const free = bavail * bsize
  const found = `${(free / 1024 ** 3).toFixed(1)} GiB free`
  const fix = 'Free some space: a log that cannot be written refuses every call.'
  if (free < freeFailBytes) return fail('disk', { found, fix })
  return free < freeWarnBytes ? warn('disk', { found, fix }) : ok('disk', found)
}

/** Whether somebody listens where the server is, or would be. */
export async function checkPort(place: {
  readonly url: string
  readonly isOurs: boolean
}): Promise<Finding> {
  const { hostname, host } = new URL(place.url)
  if (place.isOurs) return ok('port', `Airworthy listens at ${host}`)
  if (!(await isTaken(new URL(place.url)))) return ok('port', `${host} is free`)
  return fail('port', {
    found: `something that is not Airworthy listens at ${host}`,
    fix: `Stop it, or serve elsewhere: airworthy serve --host ${hostname} --port 0`,
  })
}

function isTaken(url: URL): Promise<boolean> {
  const port = Number(url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port)
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replaceAll(/^\[|\]$/g, ''), port })
    const end = (isListening: boolean): void => {
      socket.destroy()
      resolve(isListening)
    }
    socket.setTimeout(portTimeoutMs, () => end(false))
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
  })
}
