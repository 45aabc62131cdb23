// airworthy audit verify | prove | export | page | search | payload | accesses | erase | retention
import type { Command } from 'commander'
import { addAuditEraseCommands } from './audit-erase.ts'
import { addAuditExportCommands } from './audit-export.ts'
import { addAuditRetentionCommands } from './audit-retention.ts'
import { addAuditSearchCommands } from './audit-search.ts'
import { addAuditVerifyCommand } from './audit-verify.ts'

export function addAuditCommands(program: Command): void {
  const audit = program
    .command('audit')
    .description('verify, search and export the record; erase a person; retention')
  addAuditVerifyCommand(audit)
  addAuditExportCommands(audit)
  addAuditSearchCommands(audit)
  addAuditEraseCommands(audit)
  addAuditRetentionCommands(audit)
}
