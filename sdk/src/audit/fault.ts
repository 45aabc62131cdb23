/** Why a bundle is refused. `check` names what was being looked at. */
export class AuditFault extends Error {
  override readonly name = 'AuditFault'
  readonly check: AuditCheckId

  constructor(check: AuditCheckId, message: string) {
    super(message)
    this.check = check
  }
}

export type AuditCheckId =
  | 'format'
  | 'trust'
  | 'seal'
  | 'checkpoints'
  | 'cosignatures'
  | 'entries'
  | 'tree'
  | 'consistency'
  | 'chains'
  | 'did'
  | 'deletions'
  | 'policy'
