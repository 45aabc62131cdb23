// The official MCP conformance suite, against a conforming server alone and against the gateway in
// front of that server: the two results, and where they differ.
import { fileURLToPath } from 'node:url'
import { startAirworthy, type Airworthy } from '../airworthy.ts'
import { type Check, runSuite, type SuiteResult, suiteVersion } from '../mcp/conformance-suite.ts'
import { startHeaderProxy } from '../mcp/header-proxy.ts'
import { startProgram, textField } from '../processes.ts'
import type { EvidenceOptions, Figures } from './evidence.ts'

const conformingServer = fileURLToPath(
  new URL('../../e2e/harness/conforming-server.ts', import.meta.url),
)

export async function run({ log }: EvidenceOptions): Promise<Figures> {
  await using cleanUp = new AsyncDisposableStack()
  const server = cleanUp.use(
    await startProgram({ name: 'conforming server', args: [conformingServer] }),
  )
  const serverUrl = textField(server.ready, 'listening')
  log('the server alone')
  const alone = await runSuite(serverUrl)
  const airworthy = cleanUp.use(await startAirworthy())
  const proxy = cleanUp.use(await openGateway(airworthy, serverUrl))
  log('the gateway in front of it')
  const behind = await runSuite(proxy.url)
  const differences = compare(alone, behind)
  const unlike = differences.filter(({ isSameVerdict }) => !isSameVerdict)
  return {
    suite: await suiteVersion(),
    alone: summarise(alone),
    gateway: summarise(behind),
    differences,
    unlike: unlike.map(({ scenario }) => scenario),
    holds: alone.size > 0 && unlike.length === 0,
  }
}

async function openGateway(
  airworthy: Airworthy,
  serverUrl: string,
): Promise<Awaited<ReturnType<typeof startHeaderProxy>>> {
  const { apiKey } = await airworthy.client.enrolAgent({
    manifest: JSON.stringify(manifestFor(serverUrl)),
    file: 'conformance.json',
  })
  const { sessionKey } = await airworthy.client.openSession({ agent: 'conformance' })
  return startHeaderProxy({
    target: `${airworthy.url}/s/${sessionKey}/mcp/everything`,
    headers: { authorization: `Bearer ${apiKey ?? ''}` },
  })
}

const toolNames = [
  'test_simple_text',
  'test_image_content',
  'test_audio_content',
  'test_embedded_resource',
  'test_multiple_content_types',
  'test_tool_with_logging',
  'test_tool_with_progress',
  'test_error_handling',
  'test_reconnection',
  'test_elicitation_sep1034_defaults',
  'test_elicitation_sep1330_enums',
  'test_sampling',
  'test_elicitation',
  'json_schema_2020_12_tool',
  'resources.read',
  'resources.subscribe',
  'prompts.get',
  'completion.complete',
]

function manifestFor(serverUrl: string): object {
  const server = {
    transport: 'http',
    url: serverUrl,
    resources: ['test://*'],
    prompts: ['*'],
    relay: ['sampling', 'elicitation'],
  }
  return {
    schema: 'airworthy.manifest/1',
    agent: { name: 'conformance', owner: 'evidence@example.com', stakes: 'low' },
    toolServers: { everything: server },
    tools: Object.fromEntries(toolNames.map((name) => [`everything/${name}`, { effect: 'read' }])),
    pact: { permissions: [{ id: 'all', effect: 'allow', tools: ['everything/*'] }] },
  }
}

type Difference = {
  readonly scenario: string
  /**
   * Both passed or both failed, by other checks: those over event streams do not apply to a reply
   * that is plain JSON, as the gateway's is when there is nothing to tell before it.
   */
  readonly isSameVerdict: boolean
  readonly alone: readonly string[]
  readonly gateway: readonly string[]
  readonly because: string
}

function compare(alone: SuiteResult, behind: SuiteResult): Difference[] {
  const scenarios = [...new Set([...alone.keys(), ...behind.keys()])].toSorted()
  return scenarios.flatMap((scenario) => {
    const before = verdicts(alone.get(scenario))
    const after = verdicts(behind.get(scenario))
    if (JSON.stringify(before) === JSON.stringify(after)) return []
    const failed = behind.get(scenario)?.find(({ status }) => status !== 'SUCCESS')
    const isSameVerdict = isPassed(alone.get(scenario)) === isPassed(behind.get(scenario))
    const because = failed?.message ?? ''
    return [{ scenario, isSameVerdict, alone: before, gateway: after, because }]
  })
}

/** A scenario that did not run has not passed. */
function isPassed(checks: readonly Check[] | undefined): boolean {
  return checks?.every(({ status }) => status !== 'FAILURE') ?? false
}

function verdicts(checks: readonly Check[] = []): string[] {
  return checks.map(({ id, status }) => `${id}: ${status}`).toSorted()
}

function summarise(result: SuiteResult): object {
  const scenarios = [...result]
  const checks = scenarios.flatMap(([, each]) => each)
  const failed = scenarios.filter(([, each]) => !isPassed(each)).map(([scenario]) => scenario)
  return {
    scenarios: scenarios.length,
    passed: scenarios.length - failed.length,
    failed,
    checks: checks.length,
    checksPassed: checks.filter(({ status }) => status === 'SUCCESS').length,
  }
}
