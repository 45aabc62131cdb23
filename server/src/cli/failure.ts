// What a command that failed says, and the exit code it ends with.
import { AirworthyApiError } from '@airworthy/sdk'
import { AirworthyError, type ErrorCode } from '../core/errors.ts'

export const exitCodes = {
  ok: 0,
  error: 1,
  gateFailed: 2,
  usage: 64,
  retry: 75,
  auth: 77,
} as const

/** A command that was called in a wrong way. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export type Failure = {
  readonly exitCode: number
  readonly code: string
  readonly message: string
  /** What to do about it, in one line. */
  readonly mend: string | undefined
  readonly detail: Readonly<Record<string, unknown>> | undefined
}

const clientMends: Readonly<Record<string, string>> = {
  'client.unreachable': 'Start the server with "airworthy serve", or say where it is with --url.',
  'client.timeout': 'Ask again; "airworthy doctor" says what is slow.',
  'client.not_airworthy': 'Something else listens there: say where the server is with --url.',
  'client.no_key': 'Give --key-file, or AIRWORTHY_OPERATOR_KEY, or --data of the server.',
}

/** Where the message does not say it already. */
const mends: Partial<Record<ErrorCode, string>> = {
  'auth.unknown_key': "Use the operator.key of this server's data directory (--data, --key-file).",
  'auth.revoked_key': 'Make a new key: stop the server, then "airworthy serve --new-operator-key".',
  'auth.agent_key_refused': 'Use an operator key: the file operator.key of the data directory.',
  'start.port_in_use': 'Stop what listens there, or choose another: --port 0 takes any free port.',
  'start.wrong_node': 'Install Node.js 24 or later, or run "npm ci" in the checkout.',
}

/** Makes sense of anything thrown by a command. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof UsageError) {
    const { message } = thrown
    const exitCode = exitCodes.usage
    return { exitCode, code: 'usage', message, mend: undefined, detail: undefined }
  }
  if (thrown instanceof AirworthyApiError) return apiFailure(thrown)
  if (thrown instanceof AirworthyError) {
    const { code, message, detail } = thrown
    const exitCode = code === 'start.config_invalid' ? exitCodes.usage : exitCodes.error
    return { exitCode, code, message, mend: mendOf(code), detail }
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const code = 'internal.unexpected'
  return { exitCode: exitCodes.error, code, message, mend: undefined, detail: undefined }
}

function apiFailure(error: AirworthyApiError): Failure {
  const { status, code, message, detail } = error
  return { exitCode: apiExitCode(status, code), code, message, mend: mendOf(code), detail }
}

function apiExitCode(status: number, code: string): number {
  if (status === 401 || status === 403 || code === 'client.no_key') return exitCodes.auth
  if (status === 0 || status === 429 || status === 503) return exitCodes.retry
  return exitCodes.error
}

function mendOf(code: string): string | undefined {
  return clientMends[code] ?? new Map<string, string>(Object.entries(mends)).get(code)
}
