// One call on one connection: a tool, or what of a server is told as a tool.
import type { ToolRequest, ToolTarget } from '../../tools/backend.ts'
import { inCallContext } from './call-context.ts'
import { callConnected, callFeature, type ConnectedEnd } from './call-connected.ts'
import type { McpConnection, McpServer } from './connection.ts'
import { isFeatureTool } from './features.ts'

export async function callServer(
  connection: McpConnection,
  target: ToolTarget<McpServer>,
  request: ToolRequest,
): Promise<ConnectedEnd> {
  const { tool, server } = target
  const { args, meta, signal, onProgress, logs, live } = request
  const connected = {
    tool,
    definition: undefined,
    args,
    meta,
    timeoutMs: server.timeoutMs,
    signal,
    onProgress,
    logLevel: logs?.level,
  }
  // What follows a resource is asked for after this call is recorded: see `McpFeatures.follow`.
  if (isFeatureTool(server, tool)) {
    return tool === 'resources.subscribe'
      ? { kind: 'result', result: { content: [], structuredContent: {} } }
      : inCallContext({ live }, () => callFeature(connection.client, tool, connected))
  }
  const listed = await connection.listed().catch(() => undefined)
  const definition = listed?.definitions.get(tool)
  const { relay } = request
  const onMessage = logs?.onMessage
  if (relay === undefined) {
    return inCallContext({ onMessage, live }, () =>
      callConnected(connection.client, { ...connected, definition }),
    )
  }
  const end = await connection.relayed.run({ relay, timeoutMs: server.timeoutMs }, (relayed) =>
    inCallContext({ onMessage, relayed, live }, () =>
      callConnected(connection.client, { ...connected, definition }),
    ),
  )
  // A server that asked something had begun: that it then refuses the call does not undo what it did.
  const hasBegun = relay.told() !== undefined && end.kind === 'failed'
  return hasBegun ? { ...end, kind: 'unknown' } : end
}
