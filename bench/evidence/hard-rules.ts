// Rules that hold: hostile arguments and careless rules against the real server. Each call goes over
// MCP or the model wire as raw JSON; what the tool really executed is counted.
import { chat } from '../../e2e/harness/clients.ts'
import { startFakeTools, type FakeTools } from '../../e2e/harness/fake-tools.ts'
import { startFakeUpstream } from '../../e2e/harness/fake-upstream.ts'
import { manifestText } from '../../e2e/harness/manifest.ts'
import { startAirworthy, type Airworthy } from '../airworthy.ts'
import { isRecord, parseObject } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'
import { callCases, type CallCases, type Rule, ruleCases } from './hard-rules-cases.ts'

const casesMin = 60

type Ground = {
  readonly server: Airworthy
  readonly tools: FakeTools
  readonly modelBaseUrl: string
}

/** How one case ended, and whether that is how it must. */
type End = { readonly name: string; readonly ended: string; readonly ok: boolean }

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using stack = new AsyncDisposableStack()
  const upstream = stack.use(await startFakeUpstream())
  const tools = stack.use(await startFakeTools())
  log('starting a server on its embedded PostgreSQL')
  const server = stack.use(await startAirworthy())
  const ground = { server, tools, modelBaseUrl: upstream.base('echo', 'hard-rules') }
  const classes: Record<string, readonly End[]> = {}
  for (const cases of callCases) classes[cases.class] = await runCalls(ground, cases)
  classes['names'] = await runNames(ground)
  classes['rules at enrolment'] = await runRules(ground)
  const ends = Object.values(classes).flat()
  const unexpected = ends.filter((end) => !end.ok)
  for (const [name, each] of Object.entries(classes)) {
    log(`${name}: ${each.length} cases, ${each.filter((end) => !end.ok).length} not as they must`)
  }
  return {
    cases: ends.length,
    controls: callCases.flatMap((cases) => Object.keys(cases.allowed)).length,
    classes: Object.fromEntries(
      Object.entries(classes).map(([name, each]) => [name, countEnds(each)]),
    ),
    unexpected,
    holds: unexpected.length === 0 && ends.length >= casesMin,
  }
}

function countEnds(ends: readonly End[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { ended } of ends) counts[ended] = (counts[ended] ?? 0) + 1
  return counts
}

type Session = { readonly id: string; readonly url: string; readonly apiKey: string }

let agents = 0

function manifestOf(ground: Ground, rules: readonly (Rule & { id: string })[]): string {
  agents += 1
  const { modelBaseUrl, tools } = ground
  return manifestText({
    name: `hard-rules-${agents}`,
    modelBaseUrl,
    toolsUrl: tools.url,
    rules,
  })
}

async function openSession(ground: Ground, rules: readonly (Rule & { id: string })[]) {
  const { client, url } = ground.server
  const manifest = manifestOf(ground, rules)
  const { agent, apiKey } = await client.enrolAgent({ manifest, file: 'agent.json' })
  const { session, sessionKey } = await client.openSession({ agent: agent.name })
  return { id: session.id, url: `${url}/s/${sessionKey}`, apiKey: apiKey ?? '' }
}

/** Under a rule that means none of these calls: those with a broken fact are denied all the same. */
async function runCalls(ground: Ground, cases: CallCases): Promise<End[]> {
  const rule = { ...cases.rule, id: 'rule' }
  const ends: End[] = []
  for (const [name, args] of Object.entries(cases.denied)) {
    const session = await openSession(ground, [rule])
    const { ended } = await callTool(session, cases.tool, args)
    const isExecuted = ground.tools.journal.some((call) => call.session === session.id)
    ends.push({ name, ended, ok: !isExecuted && isRefusal(ended) })
  }
  const session = await openSession(ground, [rule])
  for (const [name, args] of Object.entries(cases.allowed)) {
    const { ended } = await callTool(session, cases.tool, args)
    if (ended !== 'executed') ends.push({ name: `control: ${name}`, ended, ok: false })
  }
  return ends
}

const refusals = /^(?:policy\.|tool\.arguments_invalid|tool\.unknown|model\.unknown|request\.)/

function isRefusal(ended: string): boolean {
  return refusals.test(ended)
}

/** As raw JSON-RPC: a client would repair what must arrive broken. */
async function callTool(session: Session, tool: string, args: string): Promise<{ ended: string }> {
  const response = await fetch(`${session.url}/mcp/desk`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${session.apiKey}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body:
      '{"jsonrpc":"2.0","id":1,"method":"tools/call",' +
      `"params":{"name":${JSON.stringify(tool)},"arguments":${args}}}`,
  })
  const text = await response.text()
  const body = parseObject(text.startsWith('{') ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? ''))
  const result = body?.['result']
  if (isRecord(result) && result['isError'] !== true) return { ended: 'executed' }
  const code = isRecord(result)
    ? fieldOf(result['structuredContent'], 'code')
    : fieldOf(fieldOf(body?.['error'], 'data'), 'code')
  return {
    ended: typeof code === 'string' ? code : `HTTP ${response.status}: ${text.slice(0, 200)}`,
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined
}

/** Entities nobody enrolled, some of which look like one that is. */
async function runNames(ground: Ground): Promise<End[]> {
  const session = await openSession(ground, [])
  const args = '{"order_id":"a","amount":1}'
  const ends: End[] = []
  for (const [name, tool] of Object.entries({
    'an unknown tool': 'refnud',
    'a tool with a Cyrillic letter': 'r\u0435fund',
    'a tool in full-width letters': '\uFF52\uFF45\uFF46\uFF55\uFF4E\uFF44',
    'a tool with an invisible character': 'refund\u200B',
    'another case of a tool': 'Refund',
    'a tool without a contract': 'drop_database',
    'a name of every object': '__proto__',
  })) {
    const { ended } = await callTool(session, tool, args)
    ends.push({ name, ended, ok: isRefusal(ended) })
  }
  for (const [name, model] of Object.entries({
    'an unknown model': 'gpt-0',
    'a model with a Cyrillic letter': 'f\u0430ke',
    'a model with a space': 'fake ',
  })) {
    const response = await fetch(`${session.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${session.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(chat({ model })),
    })
    const code = fieldOf(fieldOf(parseObject(await response.text()), 'error'), 'code')
    const ended = typeof code === 'string' ? code : `HTTP ${response.status}`
    ends.push({ name, ended, ok: isRefusal(ended) })
  }
  const isExecuted = ground.tools.journal.some((call) => call.session === session.id)
  return isExecuted ? [...ends, { name: 'all', ended: 'executed', ok: false }] : ends
}

async function runRules(ground: Ground): Promise<End[]> {
  const ends: End[] = []
  for (const [name, rule] of Object.entries(ruleCases)) {
    const manifest = manifestOf(ground, [{ ...rule, id: 'rule' }])
    const { ok, problems } = await ground.server.client.checkPact({ manifest, file: 'agent.json' })
    const enrolled = await ground.server.client
      .enrolAgent({ manifest, file: 'agent.json' })
      .then(() => 'enrolled', codeOf)
    const isPlaced = problems.some((problem) => problem.path.startsWith('pact.permissions[2]'))
    ends.push({ name, ended: enrolled, ok: !ok && isPlaced && enrolled === 'manifest.invalid' })
  }
  return ends
}

function codeOf(thrown: unknown): string {
  return isRecord(thrown) && typeof thrown['code'] === 'string' ? thrown['code'] : String(thrown)
}
