// From a manifest's `approvals` to what is asked of people when a call is held.
import {
  type ApprovalPolicy,
  type DeclaredApproval,
  defaultPolicy,
  type PactApprovals,
} from '../approval/policy.ts'
import { compileGlob } from './selector.ts'
import type { Manifest } from './manifest-schema.ts'
import { problemAt } from './problem.ts'
import type { PactProblem } from './problem.ts'

type Declared = NonNullable<Manifest['approvals']>[number]

/** Undefined where the manifest declares none: then one approval is enough, of anybody. */
export function compileApprovals(manifest: Manifest): PactApprovals | undefined {
  const { approvals, agent, holdExpiresAfterSeconds } = manifest
  if (approvals === undefined) return undefined
  const unsigned: ApprovalPolicy['unsigned'] = agent.stakes === 'high' ? 'refused' : 'allowed'
  const otherwise = { ...defaultPolicy(holdExpiresAfterSeconds), excludeAuthor: true, unsigned }
  return { policies: approvals.map((each) => compilePolicy(each, unsigned)), otherwise }
}

function compilePolicy(declared: Declared, unsigned: ApprovalPolicy['unsigned']): DeclaredApproval {
  const { id, levels, onExpiry, excludeOwnTeam } = declared
  const last = levels.at(-1)
  const admins =
    onExpiry === 'escalate' && last !== undefined
      ? [{ ...last, approvers: { roles: ['admin'] as const } }]
      : []
  return {
    id,
    levels: [...levels, ...admins],
    excludeOwnTeam,
    excludeAuthor: true,
    unsigned: declared.unsigned ?? unsigned,
    rules: declared.for.rules ?? [],
    actions: declared.for.actions ?? [],
  }
}

/** Ids that are taken, and actions that no tool or model is called by. */
export function checkApprovals(manifest: Manifest): PactProblem[] {
  const { approvals = [] } = manifest
  const ids = approvals.map((each) => each.id)
  const taken = ids.flatMap((id, index) =>
    ids.indexOf(id) === index && id !== 'default'
      ? []
      : [
          problemAt(['approvals', index, 'id'], {
            value: id,
            expected: 'one id for each policy, not "default"; this one is taken',
          }),
        ],
  )
  const known = [...Object.keys(manifest.tools), ...manifest.models.map((model) => model.name)]
  const unmatched = approvals.flatMap((policy, index) =>
    (policy.for.actions ?? []).flatMap((glob, at) =>
      known.some(compileGlob(glob))
        ? []
        : [
            problemAt(['approvals', index, 'for', 'actions', at], {
              value: glob,
              expected: 'a pattern that a tool (server/tool) or a model of the manifest matches',
            }),
          ],
    ),
  )
  return [...taken, ...unmatched, ...approvals.flatMap(checkQuorums)]
}

/** A quorum that the people whom a level names can never come to. */
function checkQuorums(policy: Declared, index: number): PactProblem[] {
  return policy.levels.flatMap(({ approvers, quorum }, at) => {
    const { roles, teams, operators = [], onCall } = approvers
    const isOpen = roles !== undefined || teams !== undefined
    const isAnybody = !isOpen && approvers.operators === undefined && onCall === undefined
    const most = new Set(operators).size + (onCall === undefined ? 0 : 1)
    if (isOpen || isAnybody || quorum <= most) return []
    const expected = `at most ${most}: the level names no more people`
    const path = ['approvals', index, 'levels', at, 'quorum']
    return [problemAt(path, { value: quorum, expected })]
  })
}
