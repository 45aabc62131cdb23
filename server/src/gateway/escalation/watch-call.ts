// What of a call its agent may never have been seen with, as keyed digests: tools, forms of arguments
// and names of counterparties leave the call as nothing else.
import { argumentShape } from '../../core/escalation/argument-shape.ts'
import type { CompiledEscalation, EncounterKind } from '../../core/escalation/escalation.ts'
import { valueAt } from '../../core/escalation/read-reply.ts'
import type { WatchIntent } from '../../store/recorder/types.ts'
import type { Gateway } from '../gateway.ts'

/** Undefined where the pact has nothing watched that the call is of. */
export function watchToolCall(
  gateway: Gateway,
  escalation: CompiledEscalation | undefined,
  call: {
    readonly action: string
    readonly args: Readonly<Record<string, unknown>>
    readonly task: string
  },
): WatchIntent | undefined {
  const watching = escalation?.watching
  if (escalation === undefined || watching === undefined) return undefined
  const { learning, rates, encounters: of } = watching
  const triggers = escalation.tools.get(call.action) ?? []
  const isAsked = triggers.some(({ trigger }) => trigger === 'firstEncounter')
  if (!isAsked && rates === undefined) return undefined
  const { action, args, task } = call
  const path = watching.counterparties.get(action)
  const counterparty = path && nameOf(valueAt(args, path))
  const seen: readonly (readonly [EncounterKind, string | undefined])[] = [
    ['tool', action],
    ['arguments', `${action} ${argumentShape(args)}`],
    // A call that names none where it should is as new as one that names another.
    ['counterparty', path === undefined ? undefined : (counterparty ?? `none of ${action}`)],
    ['task', task],
  ]
  const encounters = seen.flatMap(([kind, text]) =>
    text !== undefined && isAsked && of.has(kind)
      ? [{ kind, digest: gateway.vault.digest(`encounter:${kind}:${text}`) }]
      : [],
  )
  return { encounters, learning, rates }
}

/** Undefined for most pacts: nobody counts what the agent spends. */
export function watchModelCall(
  escalation: CompiledEscalation | undefined,
): WatchIntent | undefined {
  const watching = escalation?.watching
  if (watching?.rates === undefined) return undefined
  return { encounters: [], learning: watching.learning, rates: watching.rates }
}

function nameOf(value: unknown): string | undefined {
  if (typeof value === 'string') return `text:${value.normalize('NFKC').trim().toLowerCase()}`
  return typeof value === 'number' || typeof value === 'boolean' ? `value:${value}` : undefined
}
