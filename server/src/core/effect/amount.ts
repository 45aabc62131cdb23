// Money: decimal text to integer minor units, exactly or not at all. "5,000" is no number.
import type { Amount } from '../decision/call.ts'

export type AmountOutcome =
  | { readonly kind: 'ok'; readonly amount: Amount }
  | { readonly kind: 'invalid'; readonly message: string }

/**
 * ISO 4217 currencies by their number of decimals. A currency that is not here is refused, not
 * guessed.
 */
const CURRENCIES: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF',
  2:
    'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD ' +
    'CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD ' +
    'HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD ' +
    'MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON ' +
    'RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TOP TRY TTD TWD TZS ' +
    'UAH USD UYU UZS VES WST XCD YER ZAR ZMW',
  3: 'BHD IQD JOD KWD LYD OMR TND',
}

const decimalsOf: ReadonlyMap<string, number> = new Map(
  Object.entries(CURRENCIES).flatMap(([decimals, codes]) =>
    codes.split(' ').map((code): [string, number] => [code, Number(decimals)]),
  ),
)

/** The decimals of an ISO 4217 currency, or undefined for one that is not known. */
export function currencyDecimals(currency: string): number | undefined {
  return decimalsOf.get(currency)
}

/** Longest decimal that is read: 78 digits of 256 bits, a point, and decimals. */
const DECIMAL_LENGTH_MAX = 116
const UNITS_MAX = 9_223_372_036_854_775_807n
/** 256 bits: the most that tokens on a chain count. */
export const ASSET_UNITS_MAX = 2n ** 256n - 1n

/**
 * A plain non-negative decimal as integer units of 10^-decimals; undefined for anything else, for
 * more decimals than that (zeros aside), and for what CEL's integers cannot hold.
 */
export function decimalToUnits(
  text: string,
  decimals: number,
  max: bigint = UNITS_MAX,
): bigint | undefined {
  if (text.length > DECIMAL_LENGTH_MAX) return undefined
  const match = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(text)
  if (match === null) return undefined
  const [, whole = '0', fraction = ''] = match
  const kept = fraction.slice(0, decimals).padEnd(decimals, '0')
  if (/[1-9]/.test(fraction.slice(decimals))) return undefined
  const units = BigInt(`${whole}${kept}`)
  return units > max ? undefined : units
}

/**
 * An amount as a JSON number or a decimal string, in a currency's minor units. Of an asset that is no
 * currency its decimals are given, and more than CEL's integers hold fits.
 */
export function parseAmount(
  value: unknown,
  currency: string,
  unit: { readonly decimals?: number | undefined; readonly isMinor?: boolean } = {},
): AmountOutcome {
  const exponent = unit.decimals ?? currencyDecimals(currency)
  // What an argument names as its currency may be anybody's words.
  if (exponent === undefined) return { kind: 'invalid', message: 'the currency is not known' }
  const decimals = unit.isMinor === true ? 0 : exponent
  if (typeof value !== 'string' && typeof value !== 'number') {
    return { kind: 'invalid', message: `the amount is ${typeName(value)}, not a decimal number` }
  }
  const max = unit.decimals === undefined ? UNITS_MAX : ASSET_UNITS_MAX
  const units = decimalToUnits(String(value), decimals, max)
  if (units !== undefined) return { kind: 'ok', amount: { minorUnits: units, currency } }
  // The value is left out: reasons are stored in the clear, arguments are not.
  const message = `the amount is not a decimal >= 0 with at most ${decimals} decimals`
  return { kind: 'invalid', message }
}

function typeName(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `of type ${typeof value}`
}
