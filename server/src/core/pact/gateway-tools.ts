// Names of the tools that the gateway itself offers on MCP, beside those of tool servers.

const reservedPrefix = 'airworthy_'

/** No tool server may have a tool of such a name. */
export function isReservedToolName(name: string): boolean {
  return name.startsWith(reservedPrefix)
}

/** Waits for what people decide about a held call. */
export const holdToolName = 'airworthy_hold'
