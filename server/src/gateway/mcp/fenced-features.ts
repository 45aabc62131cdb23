// Lists of a server and what follows its resources are no calls on record, yet agents ask for them:
// so they are fenced as calls are.
import type { Gateway } from '../gateway.ts'
import { inCallContext } from './servers/call-context.ts'
import type { McpExchange } from './agent/exchange.ts'

/** Runs it where nothing is killed. Throws `kill.active` or `gateway.lease_ended`. */
export async function inFence<Result>(
  gateway: Pick<Gateway, 'fence'>,
  { principal, server }: Pick<McpExchange, 'principal' | 'server'>,
  { feature, run }: { readonly feature: string; readonly run: () => Promise<Result> },
): Promise<Result> {
  using live = gateway.fence.enter({ ...principal, tool: `${server}/${feature}` })
  if (live.refusal() !== undefined) await live.awaitLease()
  const refusal = live.refusal()
  if (refusal !== undefined) throw refusal
  try {
    return await inCallContext({ live }, run)
  } catch (thrown) {
    throw live.cutReason ?? thrown
  }
}
