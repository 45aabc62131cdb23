// In shadow, a share of the calls is also asked of the model that the rules would have chosen, after
// the client has its answer, to find out where the two differ. It is a call like any other: decided,
// paid for, and on record.
import { randomUUIDv7 } from 'node:crypto'
import { compareAnswers } from '../../../core/routing/compare-answers.ts'
import { readReplyFacts } from '../../../core/routing/reply-facts.ts'
import { firstModel } from '../../../core/routing/route.ts'
import type { Gateway } from '../../gateway.ts'
import { CapturedReply, wholeReply } from '../captured-reply.ts'
import type { ReplyTarget } from '../detached-reply.ts'
import type { ModelCallInput } from '../prepare-model-call.ts'
import { lineOf, type Routed, type RunVariant } from './routed.ts'

/** Comparisons that run at a time in one process: more are left out. */
const runningMax = 4
const keptBytesMax = 1024 * 1024
let running = 0

type Comparison = {
  /** The client's reply, with a look at what goes through. */
  readonly tap: (response: ReplyTarget) => ReplyTarget
  /** Asks the other model, if the client got a whole answer. Nobody waits for it. */
  readonly begin: () => void
}

/** Undefined where this call is not one of the share. */
export function compareLater(
  gateway: Gateway,
  call: { input: ModelCallInput; routed: Routed; run: RunVariant },
): Comparison | undefined {
  const { choice, compare } = call.routed
  const other = firstModel(choice.chosen)
  const isSampled = choice.mode === 'shadow' && compare > 0 && Math.random() < compare
  if (!isSampled || other === firstModel(choice.use) || running >= runningMax) return undefined
  const seen: Buffer[] = []
  let bytes = 0
  let status: unknown
  const look = (chunk: unknown): void => {
    if (!Buffer.isBuffer(chunk)) return
    bytes += chunk.length
    if (bytes <= keptBytesMax) seen.push(chunk)
  }
  return {
    tap: (response) => tapReply(response, { look, onStatus: (told) => (status = told) }),
    begin: () => {
      if (status !== 200 || bytes === 0 || bytes > keptBytesMax) return
      if (running >= runningMax) return
      running += 1
      compareNow(gateway, call, Buffer.concat(seen))
        .catch((thrown: unknown) =>
          gateway.log('models were not compared', { cause: String(thrown) }),
        )
        .finally(() => {
          running -= 1
        })
    },
  }
}

function tapReply(
  response: ReplyTarget,
  { look, onStatus }: { look: (chunk: unknown) => void; onStatus: (status: unknown) => void },
): ReplyTarget {
  return new Proxy(response, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (name === 'write' || name === 'end') look(args[0])
        else if (name === 'writeHead') onStatus(args[0])
        return Reflect.apply(value, target, args)
      }
    },
  })
}

async function compareNow(
  gateway: Gateway,
  call: { input: ModelCallInput; routed: Routed; run: RunVariant },
  body: Buffer,
): Promise<void> {
  const { input, routed, run } = call
  const { api } = input.wire
  const isStream = input.request.stream
  const one = wholeReply(api, { body, isStream })
  if (one === undefined) return
  const used = firstModel(routed.choice.chosen)
  const captured = new CapturedReply()
  const second = { ...input, callId: randomUUIDv7() }
  const reason = `compared with call ${input.callId}: nobody waits for the answer`
  await run(second, captured, {
    modelName: used,
    asksWhenOver: false,
    notes: [{ rule: 'route.compare', verdict: 'allow', reason }],
  })
  if (captured.status !== 200) return
  const other = wholeReply(api, { body: captured.body(), isStream })
  if (other === undefined) return
  const answers = [readReplyFacts(api, one).answer, readReplyFacts(api, other).answer] as const
  const { verdict, score } = compareAnswers(...answers)
  const found = { agreement: verdict, score, ofCallId: input.callId }
  gateway.routeJournal.add(lineOf(call, { step: 'compare', used, callId: second.callId, ...found }))
}
