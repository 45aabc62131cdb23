// The shop for use in the same process: by tests, the replay driver and the drills.
export { openShop } from './shop/shop.ts'
export type { Shop } from './shop/shop.ts'
export { seedShop } from './seed/source.ts'
export { createWorld, dropWorlds, worldDigest } from './shop/world.ts'
export { runTool } from './shop/run-tool.ts'
export { journalRows } from './shop/journal.ts'
export { toolDefinitions } from './tools.ts'
