// Agents that pay at the example bank, through gateways.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Airworthy } from '../../airworthy.ts'
import { isRecord } from '../../processes.ts'

export type Payment = {
  readonly to?: string
  readonly amount: string
  readonly reference: string
}

/** `paid`, `refused` by the bank, `lost` with its gateway, or the code of what stopped it. */
export type Payer = { readonly pay: (payment: Payment) => Promise<string> } & AsyncDisposable

export async function connectPayer(
  gateway: Airworthy,
  access: { readonly agent: string; readonly apiKey: string },
): Promise<Payer> {
  const { sessionKey } = await gateway.client.openSession({ agent: access.agent })
  const mcp = new Client({ name: 'evidence', version: '0' })
  const url = new URL(`${gateway.url}/s/${sessionKey}/mcp/bank`)
  const requestInit = { headers: { authorization: `Bearer ${access.apiKey}` } }
  await mcp.connect(new StreamableHTTPClientTransport(url, { requestInit }))
  return {
    pay: async ({ to = 'acct-1', ...more }) => {
      const args = { to, currency: 'USD', ...more }
      try {
        const result = await mcp.callTool({ name: 'transfer', arguments: args })
        const { structuredContent: content } = result
        if (isRecord(content) && typeof content['code'] === 'string') return content['code']
        return result.isError === true ? 'refused' : 'paid'
      } catch {
        return 'lost'
      }
    },
    [Symbol.asyncDispose]: () => mcp.close(),
  }
}

/** How often each came. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
