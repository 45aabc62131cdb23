// To cents, halves to the even cent. Only multiples of 1/8 can lie exactly between two cents;
// toFixed is exact for all other doubles.
export function roundToCents(amount: number): number {
  const eighths = amount * 8
  if (!Number.isInteger(eighths) || eighths % 2 === 0) return Number(amount.toFixed(2))
  const centsBelow = Math.floor(amount * 100)
  return (centsBelow % 2 === 0 ? centsBelow : centsBelow + 1) / 100
}
