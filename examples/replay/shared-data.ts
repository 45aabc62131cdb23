// Where the recordings and the world they were made in lie. They are not part of this repository.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const recordings = {
  base: 'Retail-Base-Gpt-4.1-mini-2026-02-22T13_32_37.jsonl.gz',
  baseFirst:
    '2026-02-21T00_37_20.185158_retail_llm_agent_gpt-4.1-mini_user_simulator_gpt-4.1-mini.jsonl.gz',
  policyV1: 'Retail-Policy_v1-Gpt-4.1-mini-2026-02-22T14_30_22.jsonl.gz',
  policyV1First:
    '2026-02-21T14_34_07.403605_retail_llm_agent_gpt-4.1-mini_user_simulator_gpt-4.1-mini.jsonl.gz',
} as const

/** The data folder: what was given, else `AIRWORTHY_SHARED`, else the folder beside the checkout. */
export function findDataDirectory(given?: string): string | undefined {
  const shared = process.env['AIRWORTHY_SHARED'] ?? join(import.meta.dirname, '../../../shared')
  const directory = given ?? join(shared, 'data')
  return existsSync(join(directory, 'tau-env')) ? directory : undefined
}

export function recordingPath(dataDirectory: string, file: string): string {
  return join(dataDirectory, 'tau2-retail-versions', file)
}

/** The folder the shop is seeded from. */
export function seedDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'tau-env/tau2/retail')
}

export function systemPromptPath(dataDirectory: string): string {
  return join(dataDirectory, 'tau-env/tau2-retail-policy-versions/policy_original.md')
}

export function toolSchemasPath(dataDirectory: string): string {
  return join(dataDirectory, 'tau-env/tau1/retail/tool_schemas.json')
}
