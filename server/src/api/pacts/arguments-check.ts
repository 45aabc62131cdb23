// Arguments against the input schemas that agents see, as the gateway checks them.
import { compileSchemas } from '../../adapters/json-schema.ts'
import { withoutArgument } from '../../core/effect/key-argument.ts'
import type { CompiledPact } from '../../core/pact/compiled.ts'
import type { ArgumentsCheck } from '../../core/pact/pact-tests.ts'
import type { ListedTool } from '../dependencies.ts'

/** Compiles the schemas of these tools (`server/tool`); a tool that is not listed passes. */
export function compileArguments(
  pact: CompiledPact,
  listed: Readonly<Record<string, ListedTool>>,
  names: ReadonlySet<string>,
): ArgumentsCheck {
  const schemas = Object.entries(listed)
    .filter(([name]) => names.has(name))
    .map(([name, tool]) => [name, withoutArgument(tool.inputSchema, keyOf(pact, name))] as const)
  const checks = compileSchemas(Object.fromEntries(schemas))
  return (tool, args) => {
    const key = keyOf(pact, tool)
    if (key !== undefined && Object.hasOwn(args, key)) {
      return `arguments/${key} is filled in by Airworthy: leave it out`
    }
    return checks.get(tool)?.(args)
  }
}

function keyOf(pact: CompiledPact, tool: string): string | undefined {
  return pact.tools.get(tool)?.contract.keyArgument?.name
}
