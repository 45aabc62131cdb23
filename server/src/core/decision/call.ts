// What is decided about: one model call or one tool call, canonical and typed.

import type { OriginsByArgument } from '../taint/taint.ts'

export type EffectClass = 'read' | 'reversible' | 'compensable' | 'irreversible'

/** An amount of money in integer minor units (cents of USD). */
export type Amount = { readonly minorUnits: bigint; readonly currency: string }

export type ModelCall = {
  readonly kind: 'model'
  readonly model: string
  readonly stream: boolean
  /** Upper bound of the tokens that the call may use: prompt and completion. */
  readonly tokensMax: number
  /** Its reply has no words of the model: vectors, or a count. */
  readonly isWordless?: boolean | undefined
  /** Set where calls with the same body are compared. */
  readonly digest?: string | undefined
}

export type ToolCall = {
  readonly kind: 'tool'
  readonly server: string
  readonly tool: string
  readonly effectClass: EffectClass
  /** Parsed JSON arguments, checked against the tool's input schema before. */
  readonly args: Readonly<Record<string, unknown>>
  /** Set when the contract declares one; never taken from the model's own words about it. */
  readonly amount: Amount | undefined
  /** Why there is no amount although the contract declares one: a sentence for the record. */
  readonly amountError?: string
  /** Where the values of the arguments came from; undefined where it is not tracked. */
  readonly origins?: OriginsByArgument | undefined
  /** Short and keyed, over tool and arguments: what tells a loop. */
  readonly digest?: string | undefined
}

export type Call = ModelCall | ToolCall

/** `server/tool`, the name rules and counts use. */
export function toolName(call: { server: string; tool: string }): string {
  return `${call.server}/${call.tool}`
}

/** The server and the bare tool of a name `server/tool`. */
export function splitToolName(name: string): { server: string; tool: string } {
  const slash = name.indexOf('/')
  return { server: name.slice(0, slash), tool: name.slice(slash + 1) }
}
