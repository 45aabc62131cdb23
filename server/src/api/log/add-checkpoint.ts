// POST /witness/add-checkpoint (C2SP tlog-witness): this install cosigns the checkpoints of the logs
// that it was told to witness, if each is a continuation of the one before. No key is needed: who
// speaks is known by the checkpoint's own signature.
import type { FastifyInstance } from 'fastify'
import { formatSignatureLine } from '../../core/tlog/note.ts'
import { signCheckpoint } from '../../core/tlog/signatures.ts'
import {
  addCheckpointBytesMax,
  formatSizeBody,
  judgeAddCheckpoint,
  parseAddCheckpoint,
  sizeMediaType,
} from '../../core/tlog/witness.ts'
import { readClock } from '../../store/log/checkpoints.ts'
import { advanceWitnessedLog, findWitnessedLog } from '../../store/log/witnessed-logs.ts'
import type { ApiDependencies } from '../dependencies.ts'

type Answer = { readonly status: number; readonly type: string; readonly body: string }

const plain = 'text/plain; charset=utf-8'
/** Somebody else's request for the same log may come between; then it is judged again. */
const attemptsMax = 3

export function serveWitness(app: FastifyInstance, dependencies: ApiDependencies): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: addCheckpointBytesMax },
      (_, body: Buffer, done: (error: Error | null, body: Buffer) => void) => done(null, body),
    )
    scope.post('/witness/add-checkpoint', async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const answer = await addCheckpoint(dependencies, body)
      return reply.status(answer.status).type(answer.type).send(answer.body)
    })
  })
}

async function addCheckpoint(dependencies: ApiDependencies, body: Buffer): Promise<Answer> {
  const { db, organisationId, publishedLog } = dependencies
  const { keysOf, signer } = publishedLog.witness
  for (let attempt = 1; ; attempt += 1) {
    const origin = originOf(body)
    const isKnown = origin !== undefined && keysOf(origin) !== undefined
    const latest = isKnown ? await findWitnessedLog(db, organisationId, origin) : undefined
    const verdict = judgeAddCheckpoint(body, { keysOf, latestOf: () => latest })
    if (verdict.kind === 'refused') {
      const { status, size, message } = verdict
      if (size === undefined) return { status, type: plain, body: `${message}\n` }
      return { status, type: sizeMediaType, body: formatSizeBody(size) }
    }
    const { checkpoint } = verdict
    const moved = await advanceWitnessedLog(db, organisationId, {
      origin: checkpoint.origin,
      from: latest,
      to: { size: checkpoint.size, root: checkpoint.root },
      note: parseAddCheckpoint(body).checkpoint.toString(),
    })
    if (moved) {
      // Durable before anybody can hear of it: a witness that forgets could cosign a fork.
      const atSeconds = Math.floor((await readClock(db)) / 1000)
      const line = await signCheckpoint({ checkpoint, signer, atSeconds })
      return { status: 200, type: plain, body: formatSignatureLine(line) }
    }
    if (attempt >= attemptsMax) return { status: 503, type: plain, body: 'try again\n' }
  }
}

/** The first line of the checkpoint in the body; undefined where there is none. */
function originOf(body: Buffer): string | undefined {
  const start = body.indexOf('\n\n')
  if (start < 0) return undefined
  const [line = ''] = body
    .subarray(start + 2, start + 2 + 1024)
    .toString('utf8')
    .split('\n', 1)
  return line === '' ? undefined : line
}
