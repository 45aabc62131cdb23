// Posts JSON once: no redirect, no second try. Of the answer the status counts; of one that says no a few
// words are read.
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { plainText } from '../../core/channel/plain-text.ts'
import { parseRetryAfter } from '../../core/channel/retry.ts'
import { DeliveryFailure } from './delivery-failure.ts'
import { lookupOf } from '../host-addresses.ts'
import { checkedAddresses, type Reach } from './reach.ts'

const answerBytesMax = 8 * 1024
const shownCharactersMax = 200
/** A receiver that says no, and goes on and on, is not listened to any longer. */
const answerTimeoutMs = 1_000

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
    const { statusCode = 0 } = response
    // It has been taken: what else the answer says, and whether it ends, changes nothing.
    if (statusCode >= 200 && statusCode < 300) resolve()
    else void readWords(response).then((words) => reject(refusal(response, words)))
  })
  asking.end(post.body)
  try {
    await promise
  } finally {
    asking.destroy()
  }
}

function refusal({ statusCode = 0, headers }: IncomingMessage, words: string): DeliveryFailure {
  return new DeliveryFailure(`the receiver answered ${statusCode}`, {
    words,
    // Gone: the receiver says itself that it wants no more.
    isPermanent: statusCode === 410,
    retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()),
  })
}

/** The beginning of an answer; as far as it came, where it breaks off or does not end. */
async function readWords(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, answerTimeoutMs)
  response.on('data', (chunk: Buffer) => {
    if (bytes < answerBytesMax) chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= answerBytesMax) resolve()
  })
  for (const end of ['end', 'error', 'close']) response.on(end, resolve)
  await promise
  clearTimeout(timer)
  const text = Buffer.concat(chunks).subarray(0, answerBytesMax).toString('utf8')
  return plainText(text, shownCharactersMax)
}
