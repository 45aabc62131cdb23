// airworthy sidecar: a signing proxy on this machine, for programs in any language.
import { isIP } from 'node:net'
import { createSigner, createSigningFetch, thumbprintOf } from '@airworthy/sdk'
import type { Command } from 'commander'
import { globalOptions, type GlobalOptions } from './connection.ts'
import { UsageError } from './failure.ts'
import { makePrivateKey, readPrivateKey, readPublicKeys, readText } from './sidecar/key-file.ts'
import { startProxy } from './sidecar/proxy.ts'
import { note, printFields, printJson, printLine } from './terminal.ts'

type SidecarOptions = {
  readonly key: string
  readonly newKey?: boolean
  readonly upstream?: string
  readonly listen: string
  readonly apiKeyFile?: string
  readonly agent?: string
  readonly replyKeys?: string
}

export function addSidecarCommand(program: Command): void {
  program
    .command('sidecar')
    .description("sign an agent's requests: a local proxy in front of the gateway")
    .requiredOption('--key <file>', 'the private key of the agent: JWK or PEM')
    .option('--new-key', 'make that file, print the public key to enrol, and end')
    .option('--upstream <url>', 'the gateway')
    .option('--listen <address>', 'an address of this machine; port 0 takes any', '127.0.0.1:4101')
    .option('--api-key-file <file>', 'an agent API key, for programs that send none')
    .option('--agent <url>', "where the agent's keys are published; default: the gateway")
    .option('--reply-keys <file>', 'public keys of the gateway: refuse replies they did not sign')
    .action((options: SidecarOptions, command: Command) => {
      const globals = globalOptions(command)
      return options.newKey === true ? newKey(options.key, globals) : serve(options, globals)
    })
}

async function newKey(file: string, globals: GlobalOptions): Promise<void> {
  const publicJwk = await makePrivateKey(file)
  const thumbprint = await thumbprintOf(publicJwk)
  if (globals.json === true) printJson({ file, thumbprint, publicJwk })
  else {
    printFields({ 'private key': file, thumbprint, 'public key': JSON.stringify(publicJwk) })
  }
}

async function serve(options: SidecarOptions, globals: GlobalOptions): Promise<void> {
  const upstream = upstreamOf(options.upstream)
  const listen = listenOf(options.listen)
  const signer = await createSigner(await readPrivateKey(options.key))
  const { agent, replyKeys, apiKeyFile } = options
  const fetch = createSigningFetch({
    key: signer,
    ...(agent === undefined ? {} : { agent }),
    ...(replyKeys === undefined ? {} : { replyKeys: await readPublicKeys(replyKeys) }),
  })
  const apiKey = apiKeyFile === undefined ? undefined : (await readText(apiKeyFile)).trim()
  const told = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve)
  })
  await using proxy = await startProxy({ ...listen, upstream, fetch, apiKey })
  const { thumbprint } = signer
  const { url: listening } = proxy
  if (globals.json === true) printLine(JSON.stringify({ listening, thumbprint, pid: process.pid }))
  else printFields({ listening, signs: `with ${thumbprint}`, for: upstream.href, stop: 'Ctrl-C' })
  await told
  if (globals.json !== true) note('airworthy: the signing proxy stops')
}

function upstreamOf(text: string | undefined): URL {
  if (text === undefined) throw new UsageError('give --upstream, the URL of the gateway')
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url?.search === '' && url.hash === '' && url.username === ''
  if (url !== undefined && isPlain && /^https?:$/.test(url.protocol)) return url
  throw new UsageError('--upstream must be an http:// or https:// URL without a query')
}

/** Whoever reaches it signs as the agent, so it is open to this machine alone. */
function listenOf(text: string): { host: string; port: number } {
  const [, shown = '', digits = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  const host = shown.replace(/^\[(.*)\]$/, '$1')
  const isLoopback = isIP(host) === 4 ? host.startsWith('127.') : host === '::1'
  const port = Number(digits)
  if (isLoopback && digits !== '' && port <= 65_535) return { host, port }
  throw new UsageError('--listen must be a loopback address with a port, such as 127.0.0.1:4101')
}
