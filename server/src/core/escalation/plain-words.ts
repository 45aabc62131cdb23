// One spelling for words that are the same to a reader.

/**
 * In small letters, composed, with plain quotes, hyphens and single spaces, and without marks of
 * emphasis and characters that nobody sees.
 */
export function plainWords(text: string): string {
  return text
    .replaceAll(/[\u2018\u2019\u201B\u02BC\u2032\u00B4`]/g, "'")
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\p{Default_Ignorable_Code_Point}*_~]/gu, '')
    .replaceAll(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll(/\s+/g, ' ')
}
