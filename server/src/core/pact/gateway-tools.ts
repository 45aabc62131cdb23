// Names of the tools that the gateway itself offers on MCP, beside those of tool servers.

const reservedPrefix = 'airworthy_'

/** No tool server may have a tool of such a name. */
export function isReservedToolName(name: string): boolean {
  return name.startsWith(reservedPrefix)
}

/** Waits for what people decide about a held call. */
export const holdToolName = 'airworthy_hold'

/** Waits until a person gives the session back. */
export const handoverToolName = 'airworthy_handover'

/** Says that the agent doubts. */
export const escalateToolName = 'airworthy_escalate'
