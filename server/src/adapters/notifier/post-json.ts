// Posts JSON once: no redirect, no second try, a bounded answer that is looked at and thrown away.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { plainText } from '../../core/channel/plain-text.ts'
import { parseRetryAfter } from '../../core/channel/retry.ts'
import { DeliveryFailure } from './delivery-failure.ts'
import { lookupOf } from '../host-addresses.ts'
import { checkedAddresses, type Reach } from './reach.ts'

const answerBytesMax = 8 * 1024
const shownCharactersMax = 200

export type Post = {
  readonly url: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  readonly reach: Reach
  readonly signal: AbortSignal
}

/** Resolves when the receiver answered 2xx. Throws `DeliveryFailure`, `upstream.address_forbidden`. */
export async function postJson(post: Post): Promise<void> {
  const url = new URL(post.url)
  const addresses = await checkedAddresses(post.reach, {
    host: url.hostname,
    privateOnly: url.protocol === 'http:',
  })
  const request = url.protocol === 'http:' ? requestHttp : requestHttps
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const asking = request(url, {
    method: 'POST',
    agent: false,
    lookup: lookupOf(addresses),
    signal: post.signal,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(post.body),
      'user-agent': 'airworthy',
      ...post.headers,
    },
  })
  asking.on('error', reject)
  asking.on('response', (response) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const { statusCode = 0 } = response
    const end = (): void => {
      if (statusCode >= 200 && statusCode < 300) {
        resolve()
        return
      }
      const answer = plainText(Buffer.concat(chunks).toString('utf8'), shownCharactersMax)
      reject(
        new DeliveryFailure(`the receiver answered ${statusCode}${answer && `: ${answer}`}`, {
          // Gone: the receiver says itself that it wants no more.
          isPermanent: statusCode === 410,
          retryAfterMs: parseRetryAfter(response.headers['retry-after'], Date.now()),
        }),
      )
    }
    response.on('error', reject)
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= answerBytesMax) {
        chunks.push(chunk)
        return
      }
      // The status is what counts; nobody has to listen to the rest.
      end()
      response.destroy()
    })
    response.on('end', end)
  })
  asking.end(post.body)
  await promise
}
