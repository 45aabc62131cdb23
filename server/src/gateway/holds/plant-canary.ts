// Makes a hold that looks like one of an agent's, and is none: see store/holds/canaries.ts.
import { choosePolicy } from '../../core/approval/policy.ts'
import { canonicalJson, sha256Hex } from '../../core/canonical.ts'
import { type Amount, splitToolName, toolName } from '../../core/decision/call.ts'
import { defaultSessionTask } from '../../core/decision/task.ts'
import { parseAmount } from '../../core/effect/amount.ts'
import { amountOf, subjectOf } from '../../core/effect/effect-key.ts'
import { effectiveClass } from '../../core/effect/proof.ts'
import { AirworthyError } from '../../core/errors.ts'
import type { BoundRule, CompiledTool } from '../../core/pact/compiled.ts'
import { findAgent } from '../../store/agents.ts'
import { plantCanary as insertCanary } from '../../store/holds/canaries.ts'
import type { Gateway } from '../gateway.ts'
import { moneyIntentOf, shownCounterparty } from '../money/money-intent.ts'
import type { LoadedPact } from '../pacts.ts'

type Arguments = Readonly<Record<string, unknown>>

export type PlantCanary = {
  readonly agent: string
  /** `server/tool` */
  readonly action: string
  readonly args: Arguments
  /** The rule that seems to hold it; the first one that could, where none is named. */
  readonly rule: string | undefined
  /** A decimal, where the tool's contract asks another tool for the amount. */
  readonly amount: string | undefined
  readonly task: string | undefined
  readonly endUser: string | undefined
  readonly operatorId: string
}

/** Gives the hold's id. Throws `agent.unknown`, `tool.unknown`, or `request.invalid`. */
export async function plantCanary(gateway: Gateway, command: PlantCanary): Promise<string> {
  const { db, organisationId, vault } = gateway
  const { action, args } = command
  const agent = await findAgent(db, organisationId, command.agent)
  if (agent === undefined) {
    throw new AirworthyError('agent.unknown', `there is no agent ${command.agent}`)
  }
  const { versionId } = agent.version
  const loaded = await gateway.pacts.get(agent.pact.pactId)
  const tool = loaded.pact.tools.get(action)
  if (tool === undefined) {
    throw new AirworthyError('tool.unknown', `the pact of ${agent.name} has no tool ${action}`)
  }
  checkArguments(loaded, action, args)
  const rule = findRule(tool, command.rule)
  const amount = findAmount(tool, command)
  const text = Buffer.from(JSON.stringify({ ...splitToolName(action), arguments: args }))
  const endUser = command.endUser ?? ''
  const proved = await gateway.proofs.proved(loaded)
  const isProved = proved.has(toolName(tool))
  return insertCanary(db, organisationId, {
    agent: { agentId: agent.agentId, versionId, pactId: loaded.pactId },
    task: command.task ?? defaultSessionTask,
    endUser,
    effectClass: tool.effectClass,
    effectSeen:
      tool.contract.undo === undefined
        ? tool.effectClass
        : effectiveClass(tool, { pact: loaded.pact, isProved }),
    facts: {
      action,
      effectClass: tool.effectClass,
      amount:
        amount === undefined
          ? null
          : { minor: amount.minorUnits.toString(), currency: amount.currency },
      counterparty: shownCounterparty(moneyIntentOf(vault, { tool, amount, args })) ?? null,
      taint: 'none',
      why: [{ rule: rule.id, reason: rule.reason }],
    },
    policy: choosePolicy(loaded.pact.approvals, { rules: [rule.id], action }),
    holdSeconds: loaded.pact.holdExpiresAfterSeconds,
    argsHash: vault.digest(sha256Hex(canonicalJson(args))),
    schemaHash: loaded.pinned.get(action)?.hash ?? '',
    request: await vault.seal(subjectOf(tool, args) ?? endUser, text),
    operatorId: command.operatorId,
  })
}

function checkArguments(loaded: LoadedPact, action: string, args: Arguments): void {
  const validate = loaded.pinned.get(action)?.validate
  if (validate === undefined || validate(args)) return
  const [first] = validate.errors ?? []
  const where = `arguments${first?.instancePath ?? ''}`
  throw invalid(`${where}: ${first?.message ?? 'they do not match the schema of the tool'}`)
}

/** A hold that no rule could have made looks like none. */
function findRule(tool: CompiledTool, named: string | undefined): BoundRule {
  const holding = tool.bound.rules.filter((rule) => rule.effect === 'hold')
  const found = holding.find((rule) => named === undefined || rule.id === named)
  if (found !== undefined) return found
  const which = named === undefined ? 'no rule' : `no rule ${named}`
  throw invalid(`${which} of the pact holds ${toolName(tool)}: nobody would believe the request`)
}

function findAmount(tool: CompiledTool, command: PlantCanary): Amount | undefined {
  const declared = tool.contract.amount
  if (declared === undefined) return undefined
  const found =
    declared.kind === 'argument'
      ? amountOf(tool, command.args)
      : parseAmount(command.amount, declared.currency ?? '', declared)
  if (found?.kind === 'ok') return found.amount
  throw invalid(`the amount: ${found?.message ?? 'it is missing'}`)
}

function invalid(message: string): AirworthyError {
  return new AirworthyError('request.invalid', message)
}
