// What makes two calls the same effect, what one moves, and what undoes or finds it again.
import { canonicalJson, sha256Hex } from '../canonical.ts'
import { toolName } from '../decision/call.ts'
import type { CompiledFollowUp, CompiledProbe, CompiledTool } from '../pact/compiled.ts'
import { parseAmount } from './amount.ts'
import type { AmountOutcome } from './amount.ts'
import { readPath, renderKey, renderTemplate } from './template.ts'
import type { Rendered, TemplateScope } from './template.ts'

type Arguments = Readonly<Record<string, unknown>>

const KEY_LENGTH_MAX = 200

export type EffectKeyOutcome =
  | { readonly kind: 'ok'; readonly key: string; readonly argsHash: string }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * The key of the effect that a call asks for: scope, tool, and the contract's template or the hash
 * of all canonical arguments. At most 200 printable ASCII characters, so that it fits any header.
 */
export function effectKeyOf(
  tool: CompiledTool,
  args: Arguments,
  scopes: { readonly sessionId: string; readonly agentId: string },
): EffectKeyOutcome {
  const argsHash = sha256Hex(canonicalJson(args))
  const { key: template, scope } = tool.contract
  const rendered: Rendered =
    template === undefined
      ? { kind: 'ok', value: `args:${argsHash}` }
      : renderKey(template, { args })
  if (rendered.kind === 'missing') {
    return { kind: 'invalid', message: `the effect key needs ${rendered.path}, which is missing` }
  }
  const scopeId = scope === 'session' ? scopes.sessionId : scopes.agentId
  return {
    kind: 'ok',
    key: bounded(`${scopeId}:${toolName(tool)}`, String(rendered.value)),
    argsHash,
  }
}

function bounded(prefix: string, tail: string): string {
  const key = `${prefix}:${tail}`
  if (isShort(key)) return key
  const hashed = `${prefix}:sha256:${sha256Hex(tail)}`
  return isShort(hashed) ? hashed : `sha256:${sha256Hex(key)}`
}

function isShort(key: string): boolean {
  return key.length <= KEY_LENGTH_MAX && /^[\x20-\x7e]*$/.test(key)
}

export type ArgumentsOutcome =
  | { readonly kind: 'ok'; readonly tool: string; readonly args: Arguments }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * The call that undoes a finished effect; `result` is the parsed result of the call that made it.
 */
export function undoArguments(
  tool: CompiledTool,
  made: { readonly args: Arguments; readonly result: unknown; readonly effectKey: string },
): ArgumentsOutcome {
  const { undo } = tool.contract
  if (undo === undefined) return noContract(tool, 'undo')
  const { args, result, effectKey } = made
  return fill(undo, { args, result, effect: { key: effectKey } })
}

/** The call that finds out what became of an effect whose outcome is unknown. */
export function probeArguments(
  tool: CompiledTool,
  made: { readonly args: Arguments; readonly effectKey: string },
): ArgumentsOutcome {
  const { probe } = tool.contract
  if (probe === undefined) return noContract(tool, 'probe')
  return fill(probe, { args: made.args, effect: { key: made.effectKey } })
}

export type ProbeOutcome =
  | { readonly kind: 'ok'; readonly done: boolean }
  | { readonly kind: 'invalid'; readonly message: string }

/** Reads a probe's parsed result by the contract's `done` condition. */
export function probeOutcome(tool: CompiledTool, result: unknown): ProbeOutcome {
  const { probe } = tool.contract
  return probe === undefined ? noContract(tool, 'probe') : readProbe(probe, result)
}

function readProbe(probe: CompiledProbe, result: unknown): ProbeOutcome {
  try {
    const done = probe.done({ result })
    if (typeof done === 'boolean') return { kind: 'ok', done }
    return { kind: 'invalid', message: 'the condition `done` is not true or false' }
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n', 1)[0] : 'it failed'
    return { kind: 'invalid', message: `the condition \`done\`: ${message ?? ''}` }
  }
}

/** The call that finds out whether an undo took place. */
export function undoProbeArguments(
  tool: CompiledTool,
  made: { readonly args: Arguments; readonly result: unknown; readonly effectKey: string },
): ArgumentsOutcome {
  const { undo, probe } = tool.contract
  const { args, result, effectKey } = made
  const own = undo?.probe ?? probe
  if (own === undefined) return noContract(tool, 'probe')
  return fill(own, { args, result, effect: { key: effectKey } })
}

/**
 * Reads what that call found; `done` means that the undo took place. Without a probe of its own
 * an undo took place when the effect is not found any more.
 */
export function undoProbeOutcome(tool: CompiledTool, result: unknown): ProbeOutcome {
  const own = tool.contract.undo?.probe
  if (own !== undefined) return readProbe(own, result)
  const found = probeOutcome(tool, result)
  return found.kind === 'ok' ? { kind: 'ok', done: !found.done } : found
}

export type TouchesOutcome =
  | { readonly kind: 'ok'; readonly touches: readonly string[] }
  | { readonly kind: 'invalid'; readonly message: string }

/** The things that a call touches, as texts; no two different things have one text. */
export function touchesOf(
  tool: CompiledTool,
  scope: { readonly args: Arguments; readonly session: { id: string; endUser: string } },
): TouchesOutcome {
  const touches: string[] = []
  for (const template of tool.contract.touches) {
    const rendered = renderKey(template, scope)
    if (rendered.kind === 'missing') {
      return {
        kind: 'invalid',
        message: `what is touched needs ${rendered.path}, which is missing`,
      }
    }
    touches.push(String(rendered.value))
  }
  return { kind: 'ok', touches }
}

/** The call that shows the world before and after, for a proof. */
export function snapshotArguments(snapshot: CompiledFollowUp, args: Arguments): ArgumentsOutcome {
  return fill(snapshot, { args })
}

/** The call that asks what a call would cost; undefined when no tool need be asked. */
export function quoteArguments(tool: CompiledTool, args: Arguments): ArgumentsOutcome | undefined {
  const { amount } = tool.contract
  return amount?.kind === 'quote' ? fill(amount, { args }) : undefined
}

/**
 * The amount that a call moves. `source` is the call's arguments or, when the contract asks for a
 * quote, the quote's parsed result. Undefined when the contract declares no amount.
 */
export function amountOf(tool: CompiledTool, source: unknown): AmountOutcome | undefined {
  const { amount } = tool.contract
  if (amount === undefined) return undefined
  const path = amount.kind === 'argument' ? amount.argument : amount.path
  const named =
    amount.currencyPath === undefined ? amount.currency : readPath(source, amount.currencyPath)
  if (typeof named !== 'string') return { kind: 'invalid', message: 'the currency is missing' }
  return parseAmount(readPath(source, path), named, amount)
}

/**
 * The data subject that the contract names; undefined when it names none, or the argument is
 * missing.
 */
export function subjectOf(tool: CompiledTool, args: Arguments): string | undefined {
  const { subject } = tool.contract
  if (subject === undefined) return undefined
  const rendered = renderTemplate(subject, { args })
  if (rendered.kind === 'missing') return undefined
  return typeof rendered.value === 'string' ? rendered.value : canonicalJson(rendered.value)
}

function fill(followUp: CompiledFollowUp, scope: TemplateScope): ArgumentsOutcome {
  const args: Record<string, unknown> = {}
  for (const [name, template] of Object.entries(followUp.arguments)) {
    if (typeof template !== 'object') {
      args[name] = template
      continue
    }
    const rendered = renderTemplate(template, scope)
    if (rendered.kind === 'missing') {
      return {
        kind: 'invalid',
        message: `${followUp.tool} needs ${rendered.path}, which is missing`,
      }
    }
    args[name] = rendered.value
  }
  return { kind: 'ok', tool: followUp.tool, args }
}

function noContract(tool: CompiledTool, part: string): { kind: 'invalid'; message: string } {
  return { kind: 'invalid', message: `the contract of ${toolName(tool)} has no ${part}` }
}
