import type { CompiledPact, CompiledTool } from '../pact/compiled.ts'

/** Whether a trigger may hold calls of a tool, so that a repeat has to find the first. */
export function mayHoldByTrigger(
  pact: Pick<CompiledPact, 'escalation'>,
  tool: Pick<CompiledTool, 'server' | 'tool'>,
): boolean {
  return pact.escalation?.tools.has(`${tool.server}/${tool.tool}`) === true
}
