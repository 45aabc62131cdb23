// What money is counted in: a currency of ISO 4217, or an asset by its CAIP-19 identifier.
import { currencyDecimals } from '../effect/amount.ts'

/** `iso4217:USD`, or a CAIP-19 asset such as `eip155:1/slip44:60`. */
export type AssetId = string

/** The most decimals that an asset can have here; ERC-20 knows up to 255, and nobody uses them. */
export const assetDecimalsMax = 36

const isoPrefix = 'iso4217:'
// CAIP-2 chain, then namespace and reference of the asset, then the id of a token that is one only.
const pattern =
  /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}\/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}(\/[-.%a-zA-Z0-9]{1,78})?$/

/** In one spelling: on EVM chains case is only a check sum. Undefined for what is no CAIP-19. */
export function caip19(text: string): AssetId | undefined {
  if (!pattern.test(text)) return undefined
  return text.startsWith('eip155:') ? text.toLowerCase() : text
}

/** `USD`, `iso4217:USD` or a CAIP-19 asset; undefined for what is none, and unknown currencies. */
export function parseAsset(text: string): AssetId | undefined {
  const code = text.startsWith(isoPrefix) ? text.slice(isoPrefix.length) : text
  if (currencyDecimals(code) !== undefined) return `${isoPrefix}${code}`
  return caip19(text)
}

/** The asset of an amount: contracts name currencies by their code alone. */
export function assetOfCurrency(currency: string): AssetId {
  return currency.includes(':') ? currency : `${isoPrefix}${currency}`
}

/** Of a currency; undefined for other assets, whose decimals are pinned as they are registered. */
export function isoDecimals(asset: AssetId): number | undefined {
  return asset.startsWith(isoPrefix) ? currencyDecimals(asset.slice(isoPrefix.length)) : undefined
}

/** `12.50 USD`, `0.5 eip155:1/slip44:60`. */
export function moneyText(minor: bigint, asset: AssetId, decimals: number): string {
  const name = asset.startsWith(isoPrefix) ? asset.slice(isoPrefix.length) : asset
  return `${majorText(minor, decimals)} ${name}`
}

/** The same of an amount in a currency; of an asset whose decimals nobody here knows, its minor units. */
export function amountText(minor: string, currency: string): string {
  const decimals = currencyDecimals(currency)
  if (decimals === undefined) return `${minor} minor units of ${currency}`
  return `${majorText(BigInt(minor), decimals)} ${currency}`
}

/** Minor units as a decimal of major ones; negative amounts keep their sign. */
export function majorText(minor: bigint, decimals: number): string {
  const sign = minor < 0n ? '-' : ''
  const digits = String(minor < 0n ? -minor : minor).padStart(decimals + 1, '0')
  if (decimals === 0) return `${sign}${digits}`
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}
