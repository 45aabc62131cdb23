// Tries the undo of tools: does, undoes, and compares the world, in a session of its own. The result
// is evidence for the contract and the tools as they are now.
import { randomUUIDv7 } from 'node:crypto'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { splitToolName } from '../core/decision/call.ts'
import { snapshotArguments, undoArguments } from '../core/effect/effect-key.ts'
import { withKeyArgument } from '../core/effect/key-argument.ts'
import { compareWorlds, type ProofKey } from '../core/effect/proof.ts'
import { AirworthyError } from '../core/errors.ts'
import type { CompiledPact, CompiledTool } from '../core/pact/compiled.ts'
import { beginProof, endProof } from '../store/calls/proofs.ts'
import type { Gateway } from './gateway.ts'
import { callFollowUp } from './tools/call-followup.ts'
import { parseToolResult } from './tools/tool-result.ts'

type Arguments = Readonly<Record<string, unknown>>

export type ProveCommand = {
  readonly agentName: string
  readonly operatorId: string
  readonly pact: CompiledPact
  /** What is to be proved, by `server/tool`; each has an undo and a proof in its contract. */
  readonly tools: ReadonlyMap<string, ProofKey>
}

export type ProofEnd = {
  readonly proofId: string
  readonly tool: string
  readonly state: 'proved' | 'disproved'
  readonly reason: string | undefined
  /** What the tool said, when it refused; told to the operator, and not stored. */
  readonly detail: string | undefined
}

const detailLengthMax = 500

/** One tool after the other. Throws when a tool server cannot be reached: that disproves nothing. */
export async function proveTools(gateway: Gateway, command: ProveCommand): Promise<ProofEnd[]> {
  const ends: ProofEnd[] = []
  for (const [name, key] of command.tools) {
    const tool = command.pact.tools.get(name)
    if (tool?.contract.proof === undefined) {
      throw new AirworthyError('tool.not_provable', `${name}: its contract has no proof`)
    }
    const { samples } = tool.contract.proof
    const { db, organisationId } = gateway
    const { agentName, operatorId } = command
    const proofId = randomUUIDv7()
    const proof = { ...key, proofId, agentName, operatorId, tool: name, samples: samples.length }
    await beginProof(db, organisationId, proof)
    let fault: Fault | undefined
    for (const [index, args] of samples.entries()) {
      const trial = {
        gateway,
        pact: command.pact,
        tool,
        args,
        session: `prove-${proofId}-${index}`,
      }
      fault ??= await tryUndo(trial)
    }
    const reason = fault?.reason
    await endProof(db, organisationId, { proof, reason })
    gateway.proofs.forget()
    const state = fault === undefined ? 'proved' : 'disproved'
    ends.push({ proofId, tool: name, state, reason, detail: fault?.detail })
  }
  return ends
}

type Fault = { readonly reason: string; readonly detail?: string | undefined }

type Trial = {
  readonly gateway: Gateway
  readonly pact: CompiledPact
  readonly tool: CompiledTool
  readonly args: Arguments
  /** Picks the world, where a tool server has more than one. */
  readonly session: string
}

async function tryUndo(trial: Trial): Promise<Fault | undefined> {
  const { tool, args, session } = trial
  const name = `${tool.server}/${tool.tool}`
  const effectKey = `${name}:${session}`
  const before = await takeSnapshot(trial)
  const made = await ask(trial, { tool: name, args, key: effectKey })
  if (made.isError === true) return refused(made, 'the tool refused the sample arguments')
  const after = await takeSnapshot(trial)
  const undo = undoArguments(tool, { args, result: parseToolResult(made), effectKey })
  if (undo.kind === 'invalid') return { reason: undo.message }
  const undone = await ask(trial, { tool: undo.tool, args: undo.args, key: `undo:${effectKey}` })
  if (undone.isError === true) return refused(undone, 'the undo was refused')
  const restored = await takeSnapshot(trial)
  const compared = compareWorlds({ before, after, restored })
  return compared.kind === 'proved' ? undefined : { reason: compared.reason }
}

function refused(result: CallToolResult, reason: string): Fault {
  const told: unknown = parseToolResult(result)
  const words = typeof told === 'string' ? told : JSON.stringify(told)
  return { reason, detail: words.slice(0, detailLengthMax) }
}

async function takeSnapshot(trial: Trial): Promise<unknown[]> {
  const taken: unknown[] = []
  for (const snapshot of trial.tool.contract.proof?.snapshots ?? []) {
    const call = snapshotArguments(snapshot, trial.args)
    if (call.kind === 'invalid') throw new AirworthyError('tool.not_provable', call.message)
    const result = await ask(trial, { ...call, key: undefined })
    if (result.isError === true) {
      const { detail } = refused(result, '')
      throw new AirworthyError(
        'tool.not_provable',
        `${call.tool} gave no snapshot: ${detail ?? ''}`,
      )
    }
    taken.push(parseToolResult(result))
  }
  return taken
}

/** Throws unless the tool answers: what is unknown proves nothing, and disproves nothing. */
async function ask(
  trial: Trial,
  call: { readonly tool: string; readonly args: Arguments; readonly key: string | undefined },
): Promise<CallToolResult> {
  const { gateway, pact, session } = trial
  const keyArgument = pact.tools.get(call.tool)?.contract.keyArgument
  const { key } = call
  const args =
    keyArgument === undefined || key === undefined
      ? call.args
      : withKeyArgument(call.args, {
          inputSchema: keyArgument.schema,
          argument: keyArgument.name,
          key,
        })
  const meta = {
    'airworthy/session': session,
    ...(key === undefined ? {} : { 'airworthy/effect-key': key }),
  }
  // Of no agent's version and no session: only a kill of the tool, or of all, stops a trial.
  const subject = { agentId: '', versionId: '', sessionId: '', tool: call.tool }
  using live = gateway.fence.enter(subject)
  const end = await callFollowUp(gateway, pact, { tool: call.tool, args, meta, live })
  if (end.kind === 'result') return end.result
  const { tool } = splitToolName(call.tool)
  throw new AirworthyError(end.error.code, `${tool}: ${end.error.message}`, { cause: end.error })
}
