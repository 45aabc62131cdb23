// Resources, prompts and completion of an MCP server, told as tools that only read: so each read
// takes the same way as a tool call, is decided by the same rules and recorded alike. What may be
// read stands in the manifest, and is enrolled as the schema of these tools.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { ListedTool } from '../../tools/backend.ts'

export type FeatureTool =
  | 'resources.read'
  | 'resources.subscribe'
  | 'prompts.get'
  | 'completion.complete'

/** What of a server the manifest opens: globs over URIs, and over the names of prompts. */
export type FeatureGrants = {
  readonly resources?: readonly string[] | undefined
  readonly prompts?: readonly string[] | undefined
}

/** What the server says it has. */
export type FeatureCapabilities = {
  readonly resources?: { readonly subscribe?: boolean | undefined } | undefined
  readonly prompts?: object | undefined
  readonly completions?: object | undefined
}

const uriCharsMax = 2048
const promptNameCharsMax = 256
const completionCharsMax = 2048

const featureNames = new Set<string>([
  'resources.read',
  'resources.subscribe',
  'prompts.get',
  'completion.complete',
] satisfies FeatureTool[])

export function isFeatureName(name: string): name is FeatureTool {
  return featureNames.has(name)
}

/** Whether this name of this server is a feature, and not a tool of the server itself. */
export function isFeatureTool(
  server: FeatureGrants | undefined,
  name: string,
): name is FeatureTool {
  if (server === undefined || !isFeatureName(name)) return false
  if (name.startsWith('resources.')) return server.resources !== undefined
  if (name === 'prompts.get') return server.prompts !== undefined
  return server.resources !== undefined || server.prompts !== undefined
}

/** The tools to enrol for what is granted and there. */
export function featureTools(grants: FeatureGrants, has: FeatureCapabilities): ListedTool[] {
  const tools: ListedTool[] = []
  const resources = has.resources === undefined ? undefined : grants.resources
  const prompts = has.prompts === undefined ? undefined : grants.prompts
  if (resources !== undefined) {
    tools.push(resourceTool('resources.read', 'Reads a resource.', resources))
    if (has.resources?.subscribe === true) {
      const description = 'Asks to be told when a resource changes.'
      tools.push(resourceTool('resources.subscribe', description, resources))
    }
  }
  if (prompts !== undefined) tools.push(promptTool(prompts))
  if (has.completions !== undefined && (resources !== undefined || prompts !== undefined)) {
    tools.push(completionTool)
  }
  return tools
}

function resourceTool(
  name: FeatureTool,
  description: string,
  patterns: readonly string[],
): ListedTool {
  const uri = { type: 'string', maxLength: uriCharsMax, pattern: `^${noWayUp}${anyOf(patterns)}$` }
  return { name, description, inputSchema: objectOf({ uri }, ['uri']) }
}

function promptTool(patterns: readonly string[]): ListedTool {
  const name = { type: 'string', maxLength: promptNameCharsMax, pattern: `^${anyOf(patterns)}$` }
  const args = { type: 'object', additionalProperties: { type: 'string' } }
  return {
    name: 'prompts.get',
    description: 'Gets a prompt.',
    inputSchema: objectOf({ name, arguments: args }, ['name']),
  }
}

const text = { type: 'string', maxLength: completionCharsMax }

const completionTool: ListedTool = {
  name: 'completion.complete',
  description: 'Completes an argument of a prompt or of a resource template.',
  inputSchema: objectOf(
    {
      ref: objectOf({ type: { enum: ['ref/prompt', 'ref/resource'] }, name: text, uri: text }, [
        'type',
      ]),
      argument: objectOf({ name: text, value: text }, ['name', 'value']),
      context: objectOf({ arguments: { type: 'object', additionalProperties: text } }, []),
    },
    ['ref', 'argument'],
  ),
}

function objectOf(
  properties: Readonly<Record<string, object>>,
  required: readonly string[],
): Record<string, unknown> {
  return { type: 'object', properties, required, additionalProperties: false }
}

/** No `..` between separators, written plainly or in percent code: a glob must not be left upwards. */
const separator = String.raw`(?:/|\\|%2[fF]|%5[cC])`
const dot = String.raw`(?:\.|%2[eE])`
const noWayUp = String.raw`(?![\s\S]*${separator}${dot}${dot}(?:${separator}|[?#]|$))`

/** Globs as one regular expression; `*` is any run of characters. */
function anyOf(patterns: readonly string[]): string {
  const globs = patterns.map((pattern) =>
    pattern
      .split('*')
      .map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`))
      .join(String.raw`[\s\S]*`),
  )
  return `(?:${globs.join('|')})`
}

/** What an upstream answered to a feature, as the result of a tool. */
export function featureResult(answer: Readonly<Record<string, unknown>>): CallToolResult {
  return { content: [], structuredContent: { ...answer } }
}
