// The client of a command: where the server is, and the key.
import { readFile } from 'node:fs/promises'
import { AirworthyApiError, type Client, createClient } from '@airworthy/sdk'
import type { Command } from 'commander'
import { readClientConfig } from '../config.ts'

export type GlobalOptions = {
  readonly json?: boolean
  readonly url?: string
  readonly keyFile?: string
  readonly data?: string
}

/** Options that every command takes, wherever they stand on the line. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>()
}

/**
 * The client of an operator, and why it asks, where that is logged. Throws `client.no_key` when no
 * key can be found.
 */
export async function connect(options: GlobalOptions, reason?: string): Promise<Client> {
  const config = readClientConfig(undefined, {
    url: options.url,
    keyFile: options.keyFile,
    dataDir: options.data,
  })
  return createClient({
    baseUrl: config.url,
    key: config.key ?? (await readKey(config.keyFile)),
    ...(reason === undefined ? {} : { reason }),
  })
}

async function readKey(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new AirworthyApiError({
      status: 0,
      code: 'client.no_key',
      message: `there is no operator key in ${file}`,
      cause,
    })
  }
}
