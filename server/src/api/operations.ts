// Every operation of the control API, in the order of the OpenAPI document.
import { addPublicKey } from './agents/add-public-key.ts'
import { enrolAgent } from './agents/enrol-agent.ts'
import { issueKey } from './agents/issue-key.ts'
import { listPublicKeys } from './agents/list-public-keys.ts'
import { revokePublicKey } from './agents/revoke-public-key.ts'
import { rotateKey } from './agents/rotate-key.ts'
import { listAgents } from './agents/list-agents.ts'
import { revokeKey } from './agents/revoke-key.ts'
import { showAgent } from './agents/show-agent.ts'
import { searchCalls } from './audit/search-calls.ts'
import { readPayload } from './audit/read-payload.ts'
import { exportLog } from './audit/export-log.ts'
import { listAccesses } from './audit/list-accesses.ts'
import { requestErasure } from './audit/request-erasure.ts'
import { showErasure } from './audit/show-erasure.ts'
import { listErasures } from './audit/list-erasures.ts'
import { showRetention } from './audit/show-retention.ts'
import { setRetention } from './audit/set-retention.ts'
import { deleteShard } from './audit/delete-shard.ts'
import { placeLegalHold } from './audit/place-legal-hold.ts'
import { listLegalHolds } from './audit/list-legal-holds.ts'
import { releaseLegalHold } from './audit/release-legal-hold.ts'
import { listBudgetAlerts } from './budgets/list-budget-alerts.ts'
import { listBudgets } from './budgets/list-budgets.ts'
import { removeBudget } from './budgets/remove-budget.ts'
import { setBudget } from './budgets/set-budget.ts'
import { showBudget } from './budgets/show-budget.ts'
import { listCachePairs } from './cache/list-cache-pairs.ts'
import { purgeCache } from './cache/purge-cache.ts'
import { reviewCachePair } from './cache/review-cache-pair.ts'
import { setCacheMode } from './cache/set-cache-mode.ts'
import { showCache } from './cache/show-cache.ts'
import { addChannel } from './channels/add-channel.ts'
import { editChannel } from './channels/edit-channel.ts'
import { listChannels } from './channels/list-channels.ts'
import { listDeliveries } from './channels/list-deliveries.ts'
import { removeChannel } from './channels/remove-channel.ts'
import { retryDelivery } from './channels/retry-delivery.ts'
import { rotateChannel } from './channels/rotate-channel.ts'
import { showChannel } from './channels/show-channel.ts'
import { testChannel } from './channels/test-channel.ts'
import { addAsset } from './money/add-asset.ts'
import { listAssets } from './money/list-assets.ts'
import { listAuthorisations } from './money/list-authorisations.ts'
import { listLimits } from './money/list-limits.ts'
import { listQuotes } from './money/list-quotes.ts'
import { releaseAuthorisation } from './money/release-authorisation.ts'
import { removeLimit } from './money/remove-limit.ts'
import { setLimit } from './money/set-limit.ts'
import { setQuote } from './money/set-quote.ts'
import { showLimit } from './money/show-limit.ts'
import { explainCall } from './calls/explain-call.ts'
import { reconcileCalls } from './calls/reconcile-calls.ts'
import { showCall } from './calls/show-call.ts'
import { showReceipt } from './calls/show-receipt.ts'
import { previewUndo } from './calls/preview-undo.ts'
import { undoCall } from './calls/undo-call.ts'
import { listTools } from './tools/list-tools.ts'
import { proveTools } from './tools/prove-tools.ts'
import { listEffects } from './effects/list-effects.ts'
import { resolveEffect } from './effects/resolve-effect.ts'
import { reportEscalation } from './escalation/report-escalation.ts'
import { listShards } from './log/list-shards.ts'
import { rotateLog } from './log/rotate-log.ts'
import { listEntries } from './entries/list-entries.ts'
import { showLog } from './entries/show-log.ts'
import { callInStead } from './handovers/call-in-stead.ts'
import { closeHandover } from './handovers/close-handover.ts'
import { giveBack } from './handovers/give-back.ts'
import { handOverSession } from './handovers/hand-over-session.ts'
import { listHandovers } from './handovers/list-handovers.ts'
import { readTranscript } from './handovers/read-transcript.ts'
import { sayInStead } from './handovers/say-in-stead.ts'
import { showHandover } from './handovers/show-handover.ts'
import { takeHandover } from './handovers/take-handover.ts'
import { approveHold } from './holds/approve-hold.ts'
import { editHold } from './holds/edit-hold.ts'
import { listVotes } from './holds/list-votes.ts'
import { showBallot } from './holds/show-ballot.ts'
import { listHolds } from './holds/list-holds.ts'
import { plantCanary } from './holds/plant-canary.ts'
import { rejectHold } from './holds/reject-hold.ts'
import { showHold } from './holds/show-hold.ts'
import { showHoldLoad } from './holds/show-hold-load.ts'
import { addWitnessProof } from './identity/add-witness-proof.ts'
import { deactivateIdentity } from './identity/deactivate-identity.ts'
import { draftRecovery } from './identity/draft-recovery.ts'
import { recoverIdentity } from './identity/recover-identity.ts'
import { resolveDid } from './identity/resolve-did.ts'
import { rotateIdentity } from './identity/rotate-identity.ts'
import { showIdentity } from './identity/show-identity.ts'
import { witnessDid } from './identity/witness-did.ts'
import type { Operation } from './operation.ts'
import { checkPact } from './pacts/check-pact.ts'
import { replayPact } from './pacts/replay-pact.ts'
import { listSchedules } from './oncall/list-schedules.ts'
import { setSchedule } from './oncall/set-schedule.ts'
import { showSchedule } from './oncall/show-schedule.ts'
import { addOperatorKey } from './operators/add-operator-key.ts'
import { listOperatorKeys } from './operators/list-operator-keys.ts'
import { revokeOperatorKey } from './operators/revoke-operator-key.ts'
import { setTeams } from './operators/set-teams.ts'
import { addOperator } from './operators/add-operator.ts'
import { listOperators } from './operators/list-operators.ts'
import { revokeOperator } from './operators/revoke-operator.ts'
import { checkPrices } from './prices/check-prices.ts'
import { findPrice } from './prices/find-price.ts'
import { listPrices } from './prices/list-prices.ts'
import { removePriceOverride } from './prices/remove-price-override.ts'
import { setPriceOverride } from './prices/set-price-override.ts'
import { reportRoutes } from './routes/report-routes.ts'
import { abortRun } from './runs/abort-run.ts'
import { completeRun } from './runs/complete-run.ts'
import { listRuns } from './runs/list-runs.ts'
import { openRun } from './runs/open-run.ts'
import { previewRun } from './runs/preview-run.ts'
import { confirmProposal } from './proposals/confirm-proposal.ts'
import { issueKill } from './kills/issue-kill.ts'
import { listKills } from './kills/list-kills.ts'
import { resumeKill } from './kills/resume-kill.ts'
import { showKill } from './kills/show-kill.ts'
import { listProposals } from './proposals/list-proposals.ts'
import { showProposal } from './proposals/show-proposal.ts'
import { withdrawProposal } from './proposals/withdraw-proposal.ts'
import { previewSession } from './runs/preview-session.ts'
import { settleRun } from './runs/settle-run.ts'
import { showRun } from './runs/show-run.ts'
import { undoRun } from './runs/undo-run.ts'
import { undoSession } from './runs/undo-session.ts'
import { closeSession } from './sessions/close-session.ts'
import { listSessions } from './sessions/list-sessions.ts'
import { openSession } from './sessions/open-session.ts'
import { setFlow } from './sessions/set-flow.ts'
import { showSession } from './sessions/show-session.ts'
import { listUpstreams } from './upstreams/list-upstreams.ts'
import { importUsage } from './usage/import-usage.ts'
import { listModelUse } from './usage/list-model-use.ts'
import { listUsageImports } from './usage/list-usage-imports.ts'

export const operations: readonly Operation[] = [
  enrolAgent,
  checkPact,
  replayPact,
  listAgents,
  showAgent,
  issueKey,
  rotateKey,
  revokeKey,
  addPublicKey,
  listPublicKeys,
  revokePublicKey,
  reportRoutes,
  listUpstreams,
  listPrices,
  findPrice,
  checkPrices,
  setPriceOverride,
  removePriceOverride,
  listModelUse,
  importUsage,
  listUsageImports,
  listBudgets,
  listBudgetAlerts,
  showBudget,
  setBudget,
  removeBudget,
  setLimit,
  listLimits,
  showLimit,
  removeLimit,
  addAsset,
  listAssets,
  setQuote,
  listQuotes,
  listAuthorisations,
  releaseAuthorisation,
  showIdentity,
  rotateIdentity,
  deactivateIdentity,
  draftRecovery,
  recoverIdentity,
  resolveDid,
  witnessDid,
  addWitnessProof,
  openSession,
  listSessions,
  showSession,
  setFlow,
  closeSession,
  openRun,
  listRuns,
  showRun,
  completeRun,
  abortRun,
  undoRun,
  settleRun,
  previewRun,
  undoSession,
  previewSession,
  listHolds,
  showHoldLoad,
  plantCanary,
  showHold,
  approveHold,
  showBallot,
  listVotes,
  editHold,
  handOverSession,
  listHandovers,
  showHandover,
  readTranscript,
  takeHandover,
  sayInStead,
  callInStead,
  giveBack,
  closeHandover,
  rejectHold,
  addChannel,
  listChannels,
  showChannel,
  testChannel,
  editChannel,
  rotateChannel,
  removeChannel,
  listDeliveries,
  retryDelivery,
  showCall,
  explainCall,
  showReceipt,
  previewUndo,
  undoCall,
  reconcileCalls,
  listTools,
  proveTools,
  listEffects,
  resolveEffect,
  issueKill,
  listKills,
  showKill,
  resumeKill,
  listProposals,
  showProposal,
  confirmProposal,
  withdrawProposal,
  reportEscalation,
  addOperator,
  listOperators,
  revokeOperator,
  setTeams,
  listOperatorKeys,
  addOperatorKey,
  revokeOperatorKey,
  listSchedules,
  showSchedule,
  setSchedule,
  showCache,
  purgeCache,
  setCacheMode,
  listCachePairs,
  reviewCachePair,
  searchCalls,
  readPayload,
  exportLog,
  listAccesses,
  requestErasure,
  showErasure,
  listErasures,
  showRetention,
  setRetention,
  deleteShard,
  placeLegalHold,
  listLegalHolds,
  releaseLegalHold,
  listEntries,
  listShards,
  rotateLog,
  showLog,
]
