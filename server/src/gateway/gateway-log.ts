/** What the gateway tells its operator: one line, and fields without secrets or personal data. */
export type GatewayLog = (message: string, fields?: Readonly<Record<string, unknown>>) => void
