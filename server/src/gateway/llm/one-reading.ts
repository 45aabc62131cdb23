// A body goes on as it came, so the upstream must read it as it was read here. Parsers differ: some
// take the first of two members of one name, Go's takes `MAX_TOKENS` for `max_tokens`, lax ones take
// "100" for 100. Whatever says how much a call may use, or of what, must have one reading.
import { AirworthyError } from '../../core/errors.ts'
import { memberNames } from './set-members.ts'

/** Members that something is held, decided or recorded by. */
const watched: ReadonlySet<string> = new Set([
  'background',
  'conversation',
  'functions',
  'inference_geo',
  'input',
  'instructions',
  'max_completion_tokens',
  'max_output_tokens',
  'max_tokens',
  'mcp_servers',
  'messages',
  'modalities',
  'model',
  'n',
  'previous_response_id',
  'prompt',
  'service_tier',
  'speed',
  'store',
  'stream',
  'stream_options',
  'system',
  'tools',
  'web_search_options',
])

/** A watched name wherever it stands, or an escape in which one could hide. */
const sign = new RegExp(`"(${[...watched].join('|')})"|\\\\u00[4-7]`, 'g')

/** `json` is what the text says. Throws `request.invalid`, which names the member. */
export function refuseTwoReadings(text: string, json: object): void {
  for (const name of Object.keys(json)) {
    if (watched.has(name)) continue
    // Both ways: some letters have the capital of another one.
    const folded = name.toUpperCase().toLowerCase()
    if (watched.has(folded)) throw twoReadings(`\`${name}\` may be read as \`${folded}\``)
  }
  if (mayRepeat(text)) refuseRepeats(memberNames(text))
}

function mayRepeat(text: string): boolean {
  const seen = new Set<string>()
  for (const [, name] of text.matchAll(sign)) {
    if (name === undefined || seen.has(name)) return true
    seen.add(name)
  }
  return false
}

/** What was found may lie deeper, or in a text; only the outermost members count. */
function refuseRepeats(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (!watched.has(name)) continue
    if (seen.has(name)) throw twoReadings(`\`${name}\` is there twice`)
    seen.add(name)
  }
}

function twoReadings(message: string): AirworthyError {
  return new AirworthyError('request.invalid', `the body can be read in two ways: ${message}`)
}
