import type { Evidence } from './evidence.ts'

/** Every claim of the project that a program can check, by the name that `npm run evidence` takes. */
export const registry: Readonly<Record<string, Evidence>> = {
  replay: {
    claim:
      'A recorded run goes through the gateway call by call: same results, worlds, tokens and cost',
    quick: true,
    load: () => import('./replay.ts'),
  },
  'customer-first': {
    claim: 'A rule over the session stops exactly the sessions that break it, before any write',
    quick: true,
    load: () => import('./customer-first.ts'),
  },
  sigkill: {
    claim: 'A server killed at any moment runs no effect twice and loses no call',
    quick: true,
    load: () => import('./sigkill.ts'),
  },
  'saga-kill': {
    claim:
      'SIGKILL of gateway or tool server at every boundary of a 5-step run: all of it, or nothing',
    quick: true,
    load: () => import('./saga-kill.ts'),
  },
  'saga-parallel': {
    claim: '100 runs that fail half-way at once are all undone',
    quick: true,
    load: () => import('./saga-parallel.ts'),
  },
  'parked-holds': {
    claim:
      '1,000 parked holds outlast days, a kill and an upgrade: all decide rightly, and cost nothing',
    quick: true,
    load: () => import('./parked-holds.ts'),
  },
  'log-throughput': {
    claim:
      'Three writers, 5,000 durable entries of 1 KB a second, a checkpoint each second, quick proofs',
    quick: true,
    load: () => import('./log-throughput.ts'),
  },
  'log-drills': {
    claim: 'Killed at any step, doubled, restored or out of disk: the log never signs a fork',
    quick: true,
    load: () => import('./log-drills.ts'),
  },
  'shared-budget': {
    claim: '200 sessions on two gateways share one budget of 100 calls: exactly 100 go through',
    quick: true,
    load: () => import('./shared-budget.ts'),
  },
  'budget-replicas': {
    claim:
      'Three gateways, 300 clients, one killed: a budget is never passed, and 99 % of it is usable',
    quick: true,
    load: () => import('./budget-replicas.ts'),
  },
  'money-limits': {
    claim:
      'Limit 100, 60 spends of 10 at once, three gateways, timeouts, one killed: at most 100 leave',
    quick: true,
    load: () => import('./money-limits.ts'),
  },
  'money-windows': {
    claim:
      'Days of a money limit have 23, 24.5 or 25 hours as the clocks say; no change resets one',
    quick: true,
    load: () => import('./money-windows.ts'),
  },
  'provider-down': {
    claim:
      'A provider that goes down under load: no client sees it, out within 5 s, back within 10 s',
    quick: true,
    load: () => import('./provider-down.ts'),
  },
  'fault-matrix': {
    claim:
      'Whatever a provider does, the client sees one well-formed outcome and no hold is left behind',
    quick: true,
    load: () => import('./fault-matrix.ts'),
  },
  'fresh-start': {
    claim: 'A fresh clone with an empty npm cache flies its sessions with one command, under 30 s',
    quick: true,
    load: () => import('./fresh-start.ts'),
  },
  'gateway-performance': {
    claim: 'The gateway keeps 0.7 of a durable floor and adds at most 2 ms and one commit',
    quick: true,
    load: () => import('./gateway-performance.ts'),
  },
  'gateway-soak': {
    claim: 'Under 15 minutes of mixed load with aborts the memory of a gateway stays flat',
    quick: true,
    load: () => import('./gateway-soak.ts'),
  },
  'least-privilege': {
    claim: 'A session reaches the tools and the data of its task only, and writes once it may',
    quick: true,
    load: () => import('./least-privilege.ts'),
  },
  taint: {
    claim:
      'Untrusted content, private data and an outward call never meet without a person, in any order',
    quick: true,
    load: () => import('./taint.ts'),
  },
  channels: {
    claim:
      'Every hold is told on every channel, over failing receivers and a killed gateway; no replay passes',
    quick: true,
    load: () => import('./channels.ts'),
  },
  triggers: {
    claim:
      'Triggers ask for a person where they are due, and nowhere else: cases and recorded runs',
    quick: true,
    load: () => import('./triggers.ts'),
  },
  'client-matrix': {
    claim:
      'Official clients work through the gateway with every kind of upstream, or are refused by name',
    quick: true,
    load: () => import('./client-matrix.ts'),
  },
  'signature-path': {
    claim:
      'A signature costs the gateway at most 0.3 ms of processor time, and none that is changed passes',
    quick: true,
    load: () => import('./signature-path.ts'),
  },
  'effect-keys': {
    claim: '10,000 calls at once over 1,000 effect keys: 1,000 effects, the rest answered alike',
    quick: true,
    load: () => import('./effect-keys.ts'),
  },
  'undo-property': {
    claim: 'Random writes undone in any order that is allowed: the shop is as it was before',
    quick: true,
    load: () => import('./undo-property.ts'),
  },
  'bad-input': {
    claim: 'Bad input and broken parts get a clear typed error, and nothing stays reserved',
    quick: true,
    load: () => import('./bad-input.ts'),
  },
  'mcp-conformance': {
    claim: 'The official MCP suite judges the gateway as it judges the server behind it',
    quick: true,
    load: () => import('./mcp-conformance.ts'),
  },
  'http-reach': {
    claim: 'Hostile arguments and manifests reach 0 addresses, paths or headers of their own',
    quick: true,
    load: () => import('./http-reach.ts'),
  },
  'sql-attempts': {
    claim: 'An agent with a SQL read tool writes, escapes, exhausts or reads other tables 0 times',
    quick: true,
    load: () => import('./sql-attempts.ts'),
  },
  'mcp-servers': {
    claim:
      'Reference servers answer through the gateway as they do alone, to both official clients',
    quick: true,
    load: () => import('./mcp-servers.ts'),
  },
  'hard-rules': {
    claim: 'Calls that weaker rule engines let pass are denied, or refused at enrolment',
    quick: true,
    load: () => import('./hard-rules.ts'),
  },
  decision: {
    claim: 'A decision with 50 rules takes at most 50 microseconds (p50), 250 (p99)',
    quick: true,
    load: () => import('./decision.ts'),
  },
  'tau2-cost': {
    claim: 'The cost of every call of 28 recorded tau2 files is the recorded one, to the nano-USD',
    quick: true,
    load: () => import('./tau2-cost.ts'),
  },
  'tool-commits': {
    claim: 'A tool call waits for two transactions that write: its intent, and its outcome',
    quick: true,
    load: () => import('./tool-commits.ts'),
  },
  'semantic-cache': {
    claim:
      'The semantic cache gives at most 0.5 % false hits on pairs full of traps, and searches in 5 ms',
    quick: true,
    load: () => import('./semantic-cache.ts'),
  },
  'log-vectors': {
    claim: "Tessera's test log built again byte for byte; cosignature and Wycheproof vectors pass",
    quick: true,
    load: () => import('./log-vectors.ts'),
  },
  'log-others': {
    claim: "Others' code accepts our log's proofs; of 1,000 tamperings nobody accepts one",
    quick: true,
    load: () => import('./log-others.ts'),
  },
  'erasure-drill': {
    claim: 'A person is erased: every proof still verifies, nothing of the person can be opened',
    quick: true,
    load: () => import('./erasure-drill.ts'),
  },
  'audit-tamper': {
    claim: 'Of 1,000 tampered audit bundles neither the command nor the page accepts one',
    quick: true,
    load: () => import('./audit-tamper.ts'),
  },
  handover: {
    claim:
      'A session that went to a person takes no call of its agent, on any gateway; streams end in a second',
    quick: true,
    load: () => import('./handover.ts'),
  },
  votes: {
    claim:
      'Votes that are forged, replayed, expired, altered, self-made or out of order never count',
    quick: true,
    load: () => import('./votes.ts'),
  },
  'kill-drill': {
    claim:
      'A kill of 3 gateways with 300 calls in flight is acknowledged in 1 s (p99), and nothing is dispatched after it; a gateway that cannot hear is waited for no longer than its lease',
    quick: true,
    load: () => import('./kill-drill.ts'),
  },
}
