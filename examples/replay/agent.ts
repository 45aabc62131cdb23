// The agent the recordings are driven as: its manifest, filled in, and its key.
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Client } from '@airworthy/sdk'
import { z } from 'zod'
import type { Prompt } from './connection.ts'
import { withModel } from './models.ts'
import type { RecordedModel } from './models.ts'
import { systemPromptPath, toolSchemasPath } from './shared-data.ts'

/** A tool of the first tau-bench only: the recorded agents did not have it. */
const TOOL_LEFT_OUT = 'think'

export const pactFiles = {
  allowAll: join(import.meta.dirname, 'agent.yaml'),
  customerFirst: join(import.meta.dirname, 'agent-customer-first.yaml'),
} as const

export type ReplayAgent = {
  readonly name: string
  readonly apiKey: string
  readonly warnings: readonly string[]
}

const toolsSchema = z.array(
  z.object({
    type: z.literal('function'),
    function: z.object({
      name: z.string(),
      description: z.string(),
      parameters: z.record(z.string(), z.unknown()),
    }),
  }),
)

/** What the recordings lack: the system prompt and the tools their agent was given. */
export async function readPrompt(dataDirectory: string): Promise<Prompt> {
  const system = await readFile(systemPromptPath(dataDirectory), 'utf8')
  const schemas: unknown = JSON.parse(await readFile(toolSchemasPath(dataDirectory), 'utf8'))
  const tools = toolsSchema.parse(schemas)
  return {
    system,
    tools: tools.filter((tool) => tool.function.name !== TOOL_LEFT_OUT),
  }
}

/** Enrols the agent of a manifest file, at the shop's address and with the prompt as enrolled. */
export async function enrolReplayAgent(options: {
  client: Client
  manifestFile: string
  shopMcpUrl: string
  model: RecordedModel
  prompt: Prompt
}): Promise<ReplayAgent> {
  const text = await readFile(options.manifestFile, 'utf8')
  const enrolled = await options.client.enrolAgent({
    manifest: filledIn(text, options),
    file: basename(options.manifestFile),
    newKey: true,
  })
  if (enrolled.apiKey === null) throw new Error('the server enrolled the agent without a key')
  const { agent, apiKey, warnings } = enrolled
  return { name: agent.name, apiKey, warnings }
}

// By line, so that the places of problems stay those of the file. JSON is YAML: the prompt, with
// all its own lines and signs, is one line at the end.
function filledIn(
  text: string,
  options: { shopMcpUrl: string; model: RecordedModel; prompt: Prompt },
): string {
  const withShop = text.replace(/^( {4}url: )\S+/mu, `$1${options.shopMcpUrl}`)
  const manifest = withModel(withShop, options.model)
  if (/^prompts:/mu.test(manifest)) return manifest
  const prompts = [{ name: 'retail-policy', template: options.prompt.system, variables: [] }]
  return `${manifest.trimEnd()}\nprompts: ${JSON.stringify(prompts)}\n`
}
