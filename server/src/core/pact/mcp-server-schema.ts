// What a manifest may say of a tool server that speaks MCP, beside where it is.
import { environmentName, integer, list, map, object, oneOf, text } from './schema-parts.ts'

const GLOB_MAX = 500
/** Each star of a glob is a loop in its regular expression. */
const STARS_MAX = 2

const glob = text('a pattern such as file:///docs/*', GLOB_MAX).refine(
  (pattern) => pattern.split('*').length - 1 <= STARS_MAX,
  { error: `a pattern with at most ${STARS_MAX} "*"` },
)

/** Of a server over stdio or HTTP. Absent members are left out, so that old manifests keep their hash. */
export const mcpFields = {
  protocol: oneOf(['2026-07-28', '2025-11-25'])
    .optional()
    .describe('The revision to speak. Default: the newest that the server answers to.'),
  resources: list(glob, 'a list of URI patterns')
    .optional()
    .describe('Resources that may be read, as far as rules allow server/resources.read.'),
  prompts: list(glob, 'a list of patterns of prompt names')
    .optional()
    .describe('Prompts that may be got, as far as rules allow server/prompts.get.'),
  relay: list(oneOf(['sampling', 'elicitation', 'roots']), 'a list of sampling, elicitation, roots')
    .optional()
    .describe('What the server may ask of the client during a call of it. Default: nothing.'),
}

/** Of a server that is started here. */
export const stdioFields = {
  envFrom: map(environmentName, environmentName, 'a map of variables to variables of the server')
    .optional()
    .describe('Variables of the tool server that take the value of a variable of Airworthy.'),
  restarts: object(
    { max: integer(1, 1000).default(5), withinSeconds: integer(1, 86_400).default(60) },
    'an object with max and withinSeconds',
  )
    .optional()
    .describe('After so many unexpected ends within the time it is left alone. Default: 5 in 60.'),
}
