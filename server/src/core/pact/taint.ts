// From a manifest's `returns` and `outward` to what each tool brings into a session.
import type { PactTaint, ToolTaint } from '../taint/taint.ts'
import type { CompiledTool } from './compiled.ts'
import type { Manifest } from './manifest-schema.ts'
import type { CompiledScope } from './tasks.ts'

/** Whether the manifest says anything about taint. */
function declaresTaint(manifest: Manifest): boolean {
  return Object.values(manifest.tools).some(
    (contract) => contract.returns !== undefined || contract.outward !== undefined,
  )
}

/** Held where the manifest says nothing. */
function trifectaOf(manifest: Manifest): PactTaint['trifecta'] {
  return manifest.pact.taint?.trifecta ?? 'hold'
}

/**
 * Where a contract says nothing, a tool is taken for trusted, public and inward; for an agent with
 * high stakes whose manifest declares taint at all, it is taken at its worst.
 */
export function compileToolTaint(name: string, manifest: Manifest): ToolTaint {
  const contract = manifest.tools[name]
  const returns = contract?.returns
  const isStrict = manifest.agent.stakes === 'high' && declaresTaint(manifest)
  const isWeb = returns?.origin === 'web'
  return {
    isUntrusted: returns === undefined ? isStrict : returns.trust === 'untrusted',
    isPrivate: returns?.private ?? isStrict,
    // The address that a page is asked from carries data out as well as a message does.
    isOutward: contract?.outward ?? (isWeb || (isStrict && contract?.effect !== 'read')),
    origins: isWeb ? [`tool:${name}`, 'web'] : [`tool:${name}`],
  }
}

/** Values are tracked only where a rule asks for origins, or the trifecta can come about. */
export function compilePactTaint(
  manifest: Manifest,
  parts: { readonly tools: readonly CompiledTool[]; readonly scope: CompiledScope },
): PactTaint {
  const { tools, scope } = parts
  const trifecta = trifectaOf(manifest)
  const isPossible =
    trifecta !== 'off' &&
    tools.some((tool) => tool.taint.isOutward) &&
    tools.some((tool) => tool.taint.isUntrusted) &&
    tools.some((tool) => tool.taint.isPrivate)
  const bounds = [...(scope.tasks?.values() ?? [])].flatMap((task) => [...task.bounds.values()])
  const flows = [...(scope.writeFlow?.opens.values() ?? [])]
  const bound = [...tools.map((tool) => tool.bound), ...bounds, ...flows]
  const isAsked = bound.some((rules) => rules.readOrigins !== undefined)
  return { trifecta, tracksValues: isPossible || isAsked }
}

/** Tools whose taint nobody declared, where it could matter. */
export function taintWarnings(manifest: Manifest): string[] {
  if (!declaresTaint(manifest) || trifectaOf(manifest) === 'off') return []
  const taken =
    manifest.agent.stakes === 'high'
      ? 'its results count as untrusted and private'
      : 'its results count as trusted and public'
  return Object.entries(manifest.tools)
    .filter(([, contract]) => contract.returns === undefined)
    .map(([name]) => `${name} does not say what it returns: ${taken}`)
}
