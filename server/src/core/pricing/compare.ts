// Where two prices of one model differ.
import type { Prices, PriceTiers } from './prices.ts'
import { serviceTiers } from './price-list.ts'

export type PriceDifference = {
  /** `input`, `tiers[1].output`, `batch.input`, `call` */
  readonly price: string
  /** US dollars for a million tokens, or for one call; null where one has no such price. */
  readonly used: string | null
  readonly catalogue: string | null
}

type Rate = { readonly name: string; readonly usd: string }

/** Every price of `used` that is another in `catalogue`, or is missing there. */
export function comparePrices(used: Prices, catalogue: Prices): PriceDifference[] {
  const [own, other] = [ratesOf(used), ratesOf(catalogue)]
  const names = new Set([...own.keys(), ...other.keys()])
  return [...names].flatMap((price) => {
    const [one, two] = [own.get(price) ?? null, other.get(price) ?? null]
    return one === two ? [] : [{ price, used: one, catalogue: two }]
  })
}

function ratesOf(prices: Prices): Map<string, string> {
  const others = serviceTiers.flatMap((name) => tierRates(`${name}.`, prices.serviceTiers[name]))
  const rates = [...tierRates('', prices.tiers), ...others]
  // Pico-USD of a call are 10^-12 of a dollar; of a token, of a million of them, 10^-6.
  const call = { name: 'call', usd: decimalText(prices.call, 12) }
  return new Map([...rates, call].map(({ name, usd }) => [name, usd]))
}

function tierRates(prefix: string, tiers: PriceTiers | undefined): Rate[] {
  return (tiers ?? []).flatMap(({ abovePromptTokens, rates }, index) => {
    const place = index === 0 ? prefix : `${prefix}tiers[${index - 1}].`
    const start =
      index === 0 ? [] : [{ name: `${place}abovePromptTokens`, usd: String(abovePromptTokens) }]
    const named = Object.entries(rates).map(([name, rate]) => ({
      name: `${place}${name}`,
      usd: decimalText(rate, 6),
    }))
    return [...start, ...named]
  })
}

/** An integer of units of 10^-decimals as decimal text, without zeros at the end. */
export function decimalText(units: bigint, decimals: number): string {
  const digits = String(units).padStart(decimals + 1, '0')
  const fraction = digits.slice(-decimals).replace(/0+$/, '')
  const whole = digits.slice(0, -decimals)
  return fraction === '' ? whole : `${whole}.${fraction}`
}
