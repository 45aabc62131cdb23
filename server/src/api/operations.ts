// Every operation of the control API, in the order of the OpenAPI document.
import { enrolAgent } from './agents/enrol-agent.ts'
import { issueKey } from './agents/issue-key.ts'
import { listAgents } from './agents/list-agents.ts'
import { revokeKey } from './agents/revoke-key.ts'
import { showAgent } from './agents/show-agent.ts'
import { showCall } from './calls/show-call.ts'
import { showReceipt } from './calls/show-receipt.ts'
import { undoCall } from './calls/undo-call.ts'
import { listEffects } from './effects/list-effects.ts'
import { resolveEffect } from './effects/resolve-effect.ts'
import { listEntries } from './entries/list-entries.ts'
import { showLog } from './entries/show-log.ts'
import { approveHold } from './holds/approve-hold.ts'
import { listHolds } from './holds/list-holds.ts'
import { rejectHold } from './holds/reject-hold.ts'
import { showHold } from './holds/show-hold.ts'
import type { Operation } from './operation.ts'
import { addOperator } from './operators/add-operator.ts'
import { listOperators } from './operators/list-operators.ts'
import { revokeOperator } from './operators/revoke-operator.ts'
import { closeSession } from './sessions/close-session.ts'
import { listSessions } from './sessions/list-sessions.ts'
import { openSession } from './sessions/open-session.ts'
import { showSession } from './sessions/show-session.ts'

export const operations: readonly Operation[] = [
  enrolAgent,
  listAgents,
  showAgent,
  issueKey,
  revokeKey,
  openSession,
  listSessions,
  showSession,
  closeSession,
  listHolds,
  showHold,
  approveHold,
  rejectHold,
  showCall,
  showReceipt,
  undoCall,
  listEffects,
  resolveEffect,
  addOperator,
  listOperators,
  revokeOperator,
  listEntries,
  showLog,
]
