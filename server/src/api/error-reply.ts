// Every refusal of the control API has the same body.
import type { ErrorBody } from '@airworthy/sdk'
import { AirworthyError, asAirworthyError, type ErrorCode, statusOf } from '../core/errors.ts'
import { asUnreachable } from '../store/unreachable.ts'

export type ErrorReply = { readonly status: number; readonly body: ErrorBody }

/** Where the page of a code is, in the repository and in the package's documentation. */
export function errorPage(code: ErrorCode): string {
  return `docs/errors/${code}.md`
}

export function replyOf(error: AirworthyError): ErrorReply {
  const { code, message, detail } = error
  return {
    status: statusOf(code),
    body: {
      error: {
        code,
        message,
        type: 'airworthy_error',
        ...(detail === undefined ? {} : { detail }),
        page: errorPage(code),
      },
    },
  }
}

const frameworkCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported_media',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.invalid',
  FST_ERR_BAD_URL: 'request.not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'request.not_found',
}

/** What a thrown thing is called on the wire. What is not known stays inside. */
export function classify(thrown: unknown): AirworthyError {
  if (thrown instanceof AirworthyError || !(thrown instanceof Error))
    return asAirworthyError(thrown)
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
  const known = code.startsWith('FST_') ? frameworkCodes[code] : undefined
  if (known !== undefined) return new AirworthyError(known, thrown.message, { cause: thrown })
  return asUnreachable(thrown) ?? asAirworthyError(thrown)
}
