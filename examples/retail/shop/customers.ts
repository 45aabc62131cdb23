// The writes that concern the customer rather than an order.
import { userRow } from './documents.ts'
import type { Address } from './documents.ts'
import { refuse } from './outcome.ts'
import type { Change, Outcome } from './outcome.ts'
import { readUser } from './world.ts'
import type { World } from './world.ts'

export async function modifyUserAddress(
  world: World,
  input: { user_id: string } & Address,
): Promise<Outcome> {
  const before = await readUser(world, input.user_id)
  if (before === undefined) return refuse(`no customer has the id ${input.user_id}`)
  const { user_id: _, ...address } = input
  const user = { ...before, address }
  return { kind: 'changed', result: user, rows: [userRow(user)] }
}

// Changes no row, yet it is an effect: the journal row is what a probe finds.
export function transferToHumanAgents(): Change {
  return { kind: 'changed', result: 'Transfer successful', rows: [] }
}
