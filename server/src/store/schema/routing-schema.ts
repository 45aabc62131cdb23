// The table of routed calls as kysely sees it.
import type { ColumnType } from 'kysely'

export type RouteStep = 'only' | 'try' | 'then' | 'compare'

export type RoutedCalls = {
  organisation_id: string
  call_id: string
  agent_id: string
  pact_id: string
  route: string
  rule: string
  mode: 'enforce' | 'shadow'
  chosen: string
  used: string
  step: RouteStep
  of_call_id: string | null
  complexity: number
  fault: string | null
  agreement: 'same' | 'differs' | 'unsure' | null
  score: number | null
  created_at: ColumnType<Date, Date | string | undefined, Date | string>
}
