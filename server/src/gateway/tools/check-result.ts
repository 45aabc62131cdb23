// What a tool answered, held against its enrolled output schema and the contract's post-conditions.
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { type Check, outputSchemaCheck } from '../../core/effect/check.ts'
import { checkPostConditions } from '../../core/effect/post-condition.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { ToolCallInput, PreparedToolCall } from './prepare-tool-call.ts'
import { parseToolResult } from './tool-result.ts'

const faultsMax = 3

/** Everything that the result must hold; undefined where nothing is asked of it. */
export function checkResult(
  input: ToolCallInput,
  prepared: PreparedToolCall,
  result: CallToolResult,
): readonly Check[] | undefined {
  const { tool, loaded, amount } = prepared
  const validate = loaded.pinned.get(`${input.server}/${input.tool}`)?.validateOutput
  const parsed = parseToolResult(result)
  const checks: Check[] = []
  if (validate !== undefined) {
    const holds = validate(parsed)
    // Where it does not fit, never what is there: reasons are stored in the clear.
    const faults = (validate.errors ?? []).slice(0, faultsMax).map((fault) => fault.keyword)
    const reason = `the result does not fit the output schema: ${faults.join(', ')}`
    checks.push({ id: outputSchemaCheck, holds, reason: holds ? '' : reason })
  }
  if (tool !== undefined) {
    const made = { args: input.args, result: parsed, amount }
    checks.push(...checkPostConditions(tool.contract.ensures, made))
  }
  return checks.length === 0 ? undefined : checks
}

/** The code of a call whose result does not hold what it must; undefined when it does. */
export function codeOfChecks(checks: readonly Check[] | undefined): ErrorCode | undefined {
  const failed = (checks ?? []).filter((check) => !check.holds)
  if (failed.some((check) => check.id !== outputSchemaCheck)) return 'effect.postcondition_failed'
  return failed.length === 0 ? undefined : 'tool.result_invalid'
}

/**
 * What the agent gets: the result as it is, or an error that says what does not hold. What fits its
 * schema goes along, because the agent must know what was done; what does not is withheld.
 */
export function tellChecked(
  result: CallToolResult,
  checks: readonly Check[] | undefined,
): CallToolResult {
  const code = codeOfChecks(checks)
  if (code === undefined) return result
  const failed = (checks ?? []).filter((check) => !check.holds)
  const isReadable = failed.every((check) => check.id !== outputSchemaCheck)
  const content = {
    failed: true,
    code,
    message: 'the call was carried out, but its result is not what it must be; do not repeat it',
    checks: failed.map(({ id, reason }) => ({ id, reason })),
    ...(isReadable ? { result: parseToolResult(result) } : {}),
  }
  return {
    isError: true,
    content: [{ type: 'text', text: JSON.stringify(content) }],
    structuredContent: content,
  }
}
