// The tool server of a manifest that is an HTTP API.
import type { ToolServer } from '../tools/backend.ts'

export type OpenApiServer = Extract<ToolServer, { readonly transport: 'openapi' }>
