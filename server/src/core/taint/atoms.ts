// What is compared when a value is looked for in another: the words of a text, in a form that case,
// accents, white space, punctuation and invisible characters cannot change.

/** `isLinked`: joined to the atom before it without white space, as the parts of an address are. */
export type Atom = { readonly text: string; readonly isLinked: boolean }

/**
 * Compatibility forms taken apart, without case and accents. Lower, upper and lower again, because
 * some letters have two upper or two lower forms.
 */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[\p{M}\p{Default_Ignorable_Code_Point}\p{Cf}'’]/gu, '')
    .replaceAll('ς', 'σ')
}

/**
 * So that 1,250.00 and 1250 are one number: no separators of thousands, no zeros at the end. Counts
 * of digits are bounded, because a run of zeros must not take for ever.
 */
function foldNumbers(text: string): string {
  return text
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, '')
    .replace(/(\d)\.(\d{0,20}?)0{1,20}(?!\d|\.\d)/g, (_, digit: string, decimals: string) =>
      decimals === '' ? digit : `${digit}.${decimals}`,
    )
}

// Scripts that write no spaces between words: each character is an atom of its own.
const atomPattern =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|[[\p{L}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]]+/gv

/** Marks that hold the parts of an address, a path or a query together. */
const linkPattern = /^[.@:/\\_=&?#%+]+$/

/** The atoms of a text, in order. A text of signs only, such as an emoji, is one atom. */
export function atomsOf(text: string): Atom[] {
  const folded = foldNumbers(fold(text))
  const atoms: Atom[] = []
  let end = 0
  for (const match of folded.matchAll(atomPattern)) {
    const between = folded.slice(end, match.index)
    atoms.push({ text: match[0], isLinked: atoms.length > 0 && linkPattern.test(between) })
    end = match.index + match[0].length
  }
  const signs = folded.replace(/\s+/gu, '')
  return atoms.length === 0 && signs !== '' ? [{ text: signs, isLinked: false }] : atoms
}
