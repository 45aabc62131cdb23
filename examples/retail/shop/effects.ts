// What was done under an effect key, and taking it back.
import { canonicalJson } from './canonical.ts'
import { findEffect, markUndone } from './journal.ts'
import { answer, refuse } from './outcome.ts'
import type { Outcome } from './outcome.ts'
import { readRow, writeRows } from './world.ts'
import type { World } from './world.ts'

export async function probeEffect(world: World, input: { effect_key: string }): Promise<Outcome> {
  const effect = await findEffect(world, input.effect_key)
  if (effect === undefined) return answer({ found: false })
  return answer({
    found: true,
    tool: effect.tool,
    result: effect.result,
    undone: effect.undoneAt !== null,
  })
}

// Restores the rows as they were before the effect, all or none. A row that any later write has
// changed is not ours to restore: that would silently undo the later write as well.
export async function undoEffect(world: World, input: { effect_key: string }): Promise<Outcome> {
  const effect = await findEffect(world, input.effect_key)
  if (effect === undefined) return refuse('nothing was done under this effect key')
  if (effect.undoneAt !== null) return refuse('this effect is already undone')
  if (effect.preImages.length === 0) return refuse(`${effect.tool} cannot be undone`)
  for (const after of effect.postImages) {
    const now = await readRow(world, after)
    if (canonicalJson(now.doc) !== canonicalJson(after.doc))
      return refuse(`${after.kind} ${after.id} has changed since; undo the later change first`)
  }
  await writeRows(world, effect.preImages)
  await markUndone(world, effect.id)
  return answer({ undone: true, effect_key: input.effect_key, tool: effect.tool })
}
