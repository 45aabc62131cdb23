// The command line and the environment of `npm start`: the flight's only reader of both.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const USAGE = `usage: npm start -- [options]
  --once        end after the flight summary instead of serving on
  --json        print the summary as one JSON object; progress goes to stderr
  --port N      where to listen; 0 takes any free port (AIRWORTHY_PORT; 4100)
  --data DIR    the data directory (AIRWORTHY_DATA; .airworthy)
  --scripted    use the scripted model although a provider is given
  --help        print this
The model is the first of: AIRWORTHY_MODEL_URL (any OpenAI-compatible URL, with AIRWORTHY_MODEL and,
if it takes one, a key in MODEL_API_KEY), OPENAI_API_KEY, ANTHROPIC_API_KEY, OLLAMA_HOST; with none of
them a scripted model answers. AIRWORTHY_MODEL names the model of any of them.
exit codes: 0 done, 1 error, 64 usage, 130 or 143 interrupted in the middle of the flight`

export const EXIT = { done: 0, error: 1, usage: 64 } as const

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export type Environment = Readonly<Record<string, string | undefined>>

export type Options = {
  readonly isOnce: boolean
  readonly isJson: boolean
  readonly isScripted: boolean
  readonly isHelp: boolean
  /** Undefined: the server decides. */
  readonly port: string | undefined
  /** Absolute. Undefined: the server decides. */
  readonly dataDir: string | undefined
  readonly environment: Environment
}

/** Throws `UsageError`. What the server checks itself, such as the port, is left to it. */
export function readOptions(
  args: readonly string[] = process.argv.slice(2),
  environment: Environment = process.env,
): Options {
  const values = readArguments(args)
  return {
    isOnce: values.once,
    isJson: values.json,
    isScripted: values.scripted,
    isHelp: values.help,
    port: values.port,
    dataDir: values.data === undefined ? undefined : resolve(values.data),
    environment,
  }
}

function readArguments(args: readonly string[]) {
  try {
    const options = {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      scripted: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      port: { type: 'string' },
      data: { type: 'string' },
    } as const
    return parseArgs({ args: [...args], options }).values
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
