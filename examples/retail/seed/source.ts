import type { ShopData } from '../shop/documents.ts'
import { writeSeeding } from '../shop/seeding.ts'
import type { Shop } from '../shop/shop.ts'
import { generateShop } from './generate.ts'
import { loadTau2 } from './tau2.ts'

export type SeedSource = { kind: 'generated'; seed: number } | { kind: 'tau2'; directory: string }

// Returns whether it wrote. A name that is already seeded is kept and its source is not read.
export async function seedShop(
  shop: Shop,
  options: { name: string; source: SeedSource },
): Promise<boolean> {
  return writeSeeding(shop, { name: options.name, load: () => loadSource(options.source) })
}

async function loadSource(source: SeedSource): Promise<ShopData> {
  return source.kind === 'generated' ? generateShop(source.seed) : loadTau2(source.directory)
}
