// The OpenAPI document at a URL, fetched as calls are: no private address, no redirect, bounded.
import { sha256Hex } from '../../core/canonical.ts'
import { AirworthyError } from '../../core/errors.ts'
import { documentBytesMax } from './document.ts'
import { exchange } from './exchange.ts'
import type { GuardedPools } from './guarded-pools.ts'
import type { OpenApiServer } from './openapi-server.ts'

/** What tells one state of a document from another. */
export type DocumentMark = { readonly sha256: string; readonly etag: string | undefined }

export type FetchedDocument =
  | { readonly kind: 'same' }
  | { readonly kind: 'changed'; readonly mark: DocumentMark; readonly text: string }

type Source = Pick<OpenApiServer, 'allowPrivate' | 'timeoutMs'> & {
  readonly document: Extract<OpenApiServer['document'], { readonly url: string }>
}

/**
 * `known` is of what was fetched before, if anything was. Throws `upstream.*`; `tool.drift` for another
 * hash than the manifest's; a plain error for a reply that is no document.
 */
export async function fetchDocument(
  source: Source,
  pools: GuardedPools,
  known: DocumentMark | undefined,
): Promise<FetchedDocument> {
  const { document } = source
  const url = new URL(document.url)
  const end = await exchange(
    pools.pool(url.origin, { allowPrivate: source.allowPrivate }),
    {
      method: 'GET',
      path: `${url.pathname}${url.search}`,
      headers: {
        accept: 'application/json, application/yaml, text/*;q=0.9, */*;q=0.5',
        'accept-encoding': 'identity',
        'user-agent': 'airworthy',
        ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
      },
      body: undefined,
    },
    { timeoutMs: source.timeoutMs, replyBytesMax: documentBytesMax },
  )
  if (end.kind === 'failed') throw end.error
  const { status, headers, body } = end.reply
  if (status === 304 && known !== undefined) return { kind: 'same' }
  if (status !== 200) throw new Error(`the OpenAPI document at ${document.url} answers ${status}`)
  if (body === undefined) throw new Error(`the OpenAPI document passes ${documentBytesMax} bytes`)
  const sha256 = sha256Hex(body)
  if (document.sha256 !== undefined && document.sha256 !== sha256) {
    const message = `the OpenAPI document has the SHA-256 ${sha256}, and not the one of the manifest`
    throw new AirworthyError('tool.drift', message)
  }
  if (sha256 === known?.sha256) return { kind: 'same' }
  const etag = isHeaderText(headers.etag) ? headers.etag : undefined
  return { kind: 'changed', mark: { sha256, etag }, text: body.toString('utf8') }
}

function isHeaderText(value: string | undefined): boolean {
  return value !== undefined && /^[\x21-\x7e]{1,200}$/.test(value)
}
