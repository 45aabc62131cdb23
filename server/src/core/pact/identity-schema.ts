// The identity part of a manifest: whether the agent must sign its requests.
import { z } from 'zod'
import { object, oneOf } from './schema-parts.ts'

export const identity = object(
  {
    signature: oneOf(['required', 'optional'])
      .optional()
      .describe(
        'Whether requests must be signed. Default: required of an agent that can write, from its ' +
          'first enrolled signing key on. An API key that is bound to a signing key always needs it.',
      ),
  },
  'an object with signature',
)

/** `once-enrolled`: required from the moment that the agent has a signing key. */
export type SignaturePolicy = 'required' | 'once-enrolled' | 'optional'

export function compileSignaturePolicy(
  declared: z.output<typeof identity> | undefined,
  canWrite: boolean,
): SignaturePolicy {
  return declared?.signature ?? (canWrite ? 'once-enrolled' : 'optional')
}
