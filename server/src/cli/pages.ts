// Reads a list of the API to its end.

type Page<Item> = { readonly items: readonly Item[]; readonly next: string | null }
type After = { readonly after?: string; readonly limit: number }

const pageSize = 1_000
/** More than a person reads: whoever needs more reads the API. */
const itemsMax = 100_000

/** Asks page after page until the last one. */
export async function readAll<Item>(read: (after: After) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = []
  let next: string | null = null
  do {
    const page: Page<Item> = await read({
      limit: pageSize,
      ...(next === null ? {} : { after: next }),
    })
    items.push(...page.items)
    next = page.next
  } while (next !== null && items.length < itemsMax)
  return items
}
