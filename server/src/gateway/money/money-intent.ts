// What limits ask of a call: how much it moves, which way, to whom, and what it sets aside.
import type { Amount } from '../../core/decision/call.ts'
import { readPath, renderKey } from '../../core/effect/template.ts'
import { assetOfCurrency } from '../../core/money/asset.ts'
import type { MoneyParty } from '../../core/money/check.ts'
import { counterpartyText, exactDigest, foldedDigest } from '../../core/money/counterparty.ts'
import type { CompiledTool } from '../../core/pact/compiled.ts'
import type { MoneyIntent, Outcome } from '../../store/recorder/types.ts'

type Arguments = Readonly<Record<string, unknown>>
type Digester = { readonly digest: (text: string) => string }

/** Undefined for reads. A tool that says nothing of money may still be one that a limit names. */
export function moneyIntentOf(
  vault: Digester,
  call: {
    readonly tool: CompiledTool | undefined
    readonly amount: Amount | undefined
    readonly args: Arguments
  },
): MoneyIntent | undefined {
  const { tool, amount, args } = call
  if (tool?.effectClass === 'read') return undefined
  const declared = tool?.contract.money
  if (tool === undefined || declared === undefined) return saysNothing
  const { direction, authorisation } = declared
  const decimals = tool.contract.amount?.decimals
  const money = amount && {
    asset: assetOfCurrency(amount.currency),
    minor: amount.minorUnits,
    decimals,
  }
  const named = declared.counterparty && readPath(args, declared.counterparty)
  return {
    money,
    direction,
    counterparty: partyOf(vault, counterpartyText(named)),
    isDeclared: true,
    authorisation: authorisation && {
      does: authorisation.does,
      reference: authorisation.does === 'opens' ? undefined : referenceOf(vault, tool, { args }),
    },
  }
}

/** A counterparty as people are shown it: whoever is meant may be a person, so a digest stands for them. */
export function shownCounterparty(money: MoneyIntent | undefined): string | undefined {
  const party = money?.counterparty
  return party && `~${party.exact.slice(0, 16)}`
}

const saysNothing: MoneyIntent = {
  money: undefined,
  direction: 'out',
  counterparty: undefined,
  authorisation: undefined,
  isDeclared: false,
}

/** A list of texts names nobody: each of them would have to have its own share. */
function partyOf(vault: Digester, text: string | undefined): MoneyParty | undefined {
  if (text === undefined) return undefined
  const digest = (each: string): string => vault.digest(each)
  return { text, exact: exactDigest(digest, text), folded: foldedDigest(digest, text) }
}

/** Keyed, and of one tool server: two of them may use the same names. Undefined where a path is missing. */
function referenceOf(
  vault: Digester,
  tool: CompiledTool,
  scope: { readonly args: Arguments; readonly result?: unknown },
): string | undefined {
  const template = tool.contract.money?.authorisation?.id
  const rendered = template && renderKey(template, scope)
  if (rendered?.kind !== 'ok') return undefined
  return vault.digest(`authorisation:${tool.server}:${String(rendered.value)}`)
}

/** What a call that is done has set aside, for those that capture or void it. */
export function openedAuthorisation(
  vault: Digester,
  call: {
    readonly tool: CompiledTool | undefined
    readonly money: MoneyIntent | undefined
    readonly args: Arguments
    readonly result: unknown
  },
): Outcome['authorisation'] {
  const { tool, money } = call
  if (tool === undefined || money?.money === undefined) return undefined
  if (money.authorisation?.does !== 'opens') return undefined
  const reference = referenceOf(vault, tool, call)
  const { asset, minor } = money.money
  return reference === undefined ? undefined : { reference, asset, minor }
}
