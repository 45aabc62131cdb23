// autocannon ships no types: the part of it that the bench uses.
declare module 'autocannon' {
  type Request = {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }
  /** Not `setRequest`: that one lasts for a single request. */
  type Client = { setRequests(requests: readonly Request[]): void }
  type Result = {
    readonly '2xx': number
    readonly non2xx: number
    readonly errors: number
    readonly timeouts: number
    /** Seconds. */
    readonly duration: number
    readonly throughput: { readonly total: number }
  }
  type Instance = Promise<Result> & {
    on(
      event: 'response',
      listener: (client: Client, status: number, bytes: number, responseMs: number) => void,
    ): void
  }
  export default function autocannon(options: {
    readonly url: string
    readonly connections: number
    readonly duration: number
    readonly timeout: number
    readonly setupClient: (client: Client) => void
  }): Instance
}
